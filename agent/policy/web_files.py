"""Whether a web configuration can be put in force: what its parts have to do with one another, and its files."""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any

from agent.host.http.trial import NoHandshake, expiry_of
from agent.policy.normalise import Complaint
from agent.policy.trust import distrust_of
from agent.policy.web import tls_from

SECTION = "tls_server_config"
FILES = ("cert_file", "key_file", "client_ca_file")
LARGEST = 1 << 20

Values = dict[str, Any]


def complete(values: Values, directory: str, *, root: bool) -> tuple[Values, list[Complaint]]:
    """Given the values of a web configuration and its directory, complete them, and say what is wrong with them.

    Paths become absolute, and `not_after` is when the certificate expires, in seconds since the epoch. With `root`,
    the files have to be root's alone to write, and the key not everybody's to read.
    """
    tls = values.get(SECTION)
    if tls is None:
        return values, []
    tls = tls | {name: os.path.join(directory, tls[name]) for name in FILES if tls.get(name)}
    found = [*_together(tls), *(complaint for name in FILES if tls.get(name) for complaint in _file(name, tls, root))]
    values = {**values, SECTION: tls}
    if not found and tls.get("cert_file") and tls.get("key_file"):
        try:
            values["not_after"] = expiry_of(tls_from(tls))
        except NoHandshake as error:
            right = "look at min_version, cipher_suites and curve_preferences, and at what the certificate is for"
            found.append(((SECTION, "cert_file"), f"no client could shake hands: {error}", right))
        except OSError as error:
            found.append(_unfit(tls, error))
    return values, found


def _together(tls: Values) -> Iterator[Complaint]:
    kind = tls["client_auth_type"]
    required = "add client_auth_type: RequireAndVerifyClientCert"
    if tls["client_ca_file"] and kind == "NoClientCert":
        yield (SECTION, "client_ca_file"), "is given, but no client is asked for a certificate", required
    if not tls["client_ca_file"] and kind != "NoClientCert":
        right = "add client_ca_file, by which they are verified"
        yield (SECTION, "client_auth_type"), "asks for certificates that nothing verifies", right
    if tls["client_allowed_sans"] and kind != "RequireAndVerifyClientCert":
        yield (SECTION, "client_allowed_sans"), "is given, but no client has to show a certificate", required
    if tls["min_version"] > tls["max_version"]:
        yield (SECTION, "min_version"), "is newer than max_version", "give it the same or an older one"
    suites = tls["cipher_suites"]
    if suites and tls["min_version"] == "TLS12" and not any("_WITH_" in suite for suite in suites):
        right = "add one, or set min_version: TLS13"
        yield (SECTION, "cipher_suites"), "names no suite of TLS 1.2, which is spoken too", right


def _file(name: str, tls: Values, root: bool) -> Iterator[Complaint]:
    path, at = tls[name], (SECTION, name)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            yield at, f"{path} is no file of at most {LARGEST} bytes", "name a file in PEM"
            return
        with open(path, "rb"):
            distrust = distrust_of(path) if root else []
    except OSError as error:
        yield at, f"{path} cannot be read: {error.strerror}", "name a file that the agent can read"
        return
    yield from ((at, problem.wrong, problem.right) for problem in distrust)
    if root and name == "key_file" and status.st_mode & stat.S_IROTH:
        yield at, f"{path} can be read by everybody", f"run: chmod o-r {quote(path)}"


def _unfit(tls: Mapping[str, str], error: OSError) -> Complaint:
    """Say what is wrong with the files, at the one that it is about."""
    for name in ("cert_file", "client_ca_file"):
        if tls[name] and not _holds_certificates(tls[name]):
            return (SECTION, name), f"{tls[name]} holds no certificate in PEM", "name one that does"
    path, reason = tls["key_file"], (getattr(error, "reason", None) or "").replace("_", " ").lower()
    if "mismatch" in reason:
        return (
            (SECTION, "key_file"),
            f"{path} is not the key of {tls['cert_file']}",
            "name the key that it was made for",
        )
    return (
        (SECTION, "key_file"),
        f"{path} and {tls['cert_file']} cannot be used{reason and f': {reason}'}",
        "name a private key in PEM without a passphrase",
    )


def _holds_certificates(path: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except OSError:
        return False
    return True
