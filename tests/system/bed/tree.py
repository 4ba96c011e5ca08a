"""The Debian trees that beds boot: made once with mmdebstrap from the host's own package sources, and kept."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

CACHE = Path(__file__).resolve().parents[3] / ".cache" / "beds"
BASE = ("dbus", "procps", "python3", "systemd", "systemd-sysv", "zstd")
MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
)
RECIPE = 1
"""Counts up with every change of how a tree is made, so that old ones are not used."""

_FIELDS = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)"


def tree(suite: str, packages: Sequence[str] = ()) -> Path:
    """Given a Debian suite and packages beyond the base, return the directory of their tree, made if it is missing."""
    wanted = sorted({*BASE, *packages})
    key = hashlib.sha256(" ".join([str(RECIPE), *wanted]).encode()).hexdigest()[:12]
    kept = CACHE / f"{suite}-{key}"
    if kept.is_dir():
        return kept
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{kept.name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            # A build that was killed left this; nobody else holds the lock.
            for left in CACHE.glob(f".{kept.name}.*"):
                shutil.rmtree(left)
            draft = Path(tempfile.mkdtemp(prefix=f".{kept.name}.", dir=CACHE))
            draft.chmod(0o755)
            _make(suite, wanted, draft / "tree")
            (draft / "tree").rename(kept)
            draft.rmdir()
    return kept


def _make(suite: str, packages: Sequence[str], place: Path) -> None:
    _call(
        # A mount namespace of its own keeps what a killed build has mounted from staying.
        *("unshare", "--mount", "--propagation", "private"),
        *("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={','.join(packages)}"),
        *(f"--dpkgopt=path-exclude=/usr/share/{what}/*" for what in ("doc", "man", "locale")),
        *(suite, str(place), "-"),
        given="".join(f"deb {source}\n" for source in _sources(suite)),
    )
    for unit in MASKED:
        (place / "etc/systemd/system" / unit).symlink_to("/dev/null")
    # Each bed makes up a machine id and takes its name from nspawn.
    (place / "etc/machine-id").write_text("")
    (place / "etc/hostname").unlink(missing_ok=True)


def _sources(suite: str) -> list[str]:
    """Return `URI SUITE main` for each Debian source of the suite; the host's own mirror serves other suites too."""
    # Of several who find no list of packages on this host, apt would let one alone fetch it.
    with open(CACHE / "sources.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        listed = _call("apt-get", "indextargets", "--format", _FIELDS, "Created-By: Packages")
        if not listed:
            _call("apt-get", "-qq", "update")
            listed = _call("apt-get", "indextargets", "--format", _FIELDS, "Created-By: Packages")
    debian = [line.split() for line in listed.splitlines() if line.endswith(" main Debian")]
    assert debian, "the package sources of this host name no Debian mirror"
    own = {f"{uri} {release} main" for uri, release, *_ in debian if release.partition("-")[0] == suite}
    main = next(uri for uri, release, *_ in debian if "-" not in release)
    return sorted(own) or [f"{main} {suite} main"]


def _call(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
