"""The Debian package under test: built once for what it is made from, and machines on which it is installed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.system.agent import wait_for
from tests.system.bed import Bed
from tools.deb.__main__ import architecture, build
from tools.house.repository import ROOT, files

CACHE = ROOT / ".cache" / "debs"
FROM = (
    *("agent", "docs", "examples", "packaging", "policies", "schemas", "systemd", "tools"),
    *("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "requirements.lock"),
)
WHEN = 1_760_000_000
HOUR = 3600.0
DEBS = "/opt/debs"
UNIT = "hostkeeper.service"
HOME = "/usr/lib/hostkeeper"
STATE = "/var/lib/hostkeeper"
POLICIES = "/etc/hostkeeper/policies.d"
METRICS = "http://127.0.0.1:9750/metrics"

_ALTER = """
set -eu
root=$1
sed -i 's/^Version: .*/Version: 99.0-1/' "$root/DEBIAN/control"
sed -i 's/^description: .*/description: Of the newer version/' "$root/etc/hostkeeper/policies.d/available/daily.yaml"
echo '# Of the newer version' >>"$root/etc/hostkeeper/agent.yaml"
"""


def packages() -> Path:
    """Return a directory with `hostkeeper.deb`, the package of this checkout, and `newer.deb`, one to upgrade to."""
    digest = hashlib.sha256()
    for path in files():
        if path.relative_to(ROOT).parts[0] in FROM:
            digest.update(b"\0".join([str(path.relative_to(ROOT)).encode(), path.read_bytes(), b""]))
    kept = CACHE / digest.hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            # What another session may be at work with stays.
            for old in CACHE.glob("*/"):
                if old.stat().st_mtime < time.time() - HOUR:
                    shutil.rmtree(old)
            draft = CACHE / "draft"
            shutil.rmtree(draft, ignore_errors=True)
            build(ROOT, architecture(), draft, WHEN, level=0).rename(draft / "hostkeeper.deb")
            repack(draft / "hostkeeper.deb", draft / "newer.deb")
            draft.rename(kept)
    os.utime(kept)
    return kept


def repack(deb: Path, newer: Path) -> None:
    """Given a package, write one of a later version that ships another policy and other settings."""
    root = deb.with_name("root")
    subprocess.run(["dpkg-deb", "--raw-extract", deb, root], check=True)
    subprocess.run(["sh", "-c", _ALTER, "sh", root], check=True)
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Znone", "--build", root, newer], check=True, stdout=subprocess.DEVNULL
    )
    shutil.rmtree(root)


class Machine:
    """A bed on which the package can be installed."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.run, self.out, self.write = bed.run, bed.out, bed.write
        # The bed's tree was made small by leaving manual pages out; a host has them.
        self.run("sh", "-c", "rm -f /etc/dpkg/dpkg.cfg.d/*")

    def apt(self, *arguments: str, check: bool = True) -> str:
        """Run apt-get as a program does that nobody watches; return what it says."""
        done = self.run(
            *("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes", "--quiet", *arguments),
            check=check,
            timeout=120.0,
        )
        return done.stdout + done.stderr

    def install(self, name: str = "hostkeeper.deb") -> str:
        """Install a package as an admin does who was given the file."""
        return self.apt("install", f"{DEBS}/{name}")

    def version(self) -> str:
        """Return the version and the state of the installed package, as dpkg has them."""
        return self.out("dpkg-query", "--show", "--showformat", "${Version} ${db:Status-Status}", "hostkeeper")

    def service(self) -> tuple[str, str]:
        """Return whether the service is active and whether it is enabled, in systemd's words."""
        words = [self.run("systemctl", what, UNIT, check=False).stdout.strip() for what in ("is-active", "is-enabled")]
        return words[0], words[1]

    def metrics(self) -> str:
        """Return the page of metrics."""
        script = "import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())"
        return self.out("python3", "-c", script, METRICS)

    def exists(self, path: str) -> bool:
        """Whether there is anything at a path, a link that leads nowhere included."""
        return os.path.lexists(self.bed.path(path))

    def wait_for(self, *command: str, says: str) -> None:
        """Wait until a command prints a text."""
        wait_for(lambda: says in self.run(*command, check=False).stdout, saying=f"for {command} to say {says}")
