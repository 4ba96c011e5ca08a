"""The agent and what it needs, in the form that the Python of a bed loads: kept, compiled, and bound read-only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.system.bed.tree import CACHE, tree

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "requirements.lock"
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
DEPENDENCIES_AT = "/opt/hostkeeper/dependencies"
PROGRAM_AT = "/opt/hostkeeper/program"
UNUSED_SECONDS = 7200.0


def binds(suite: str) -> dict[str | Path, str]:
    """Given a suite, return what of the host a bed needs for the agent of this checkout, and where."""
    return {_dependencies(suite): DEPENDENCIES_AT, _program(suite): PROGRAM_AT}


def search_path(suite: str) -> tuple[str, str]:
    """Given a suite, return the file by which the bed's Python finds the agent, and what is in it."""
    return f"/usr/local/lib/python{PYTHONS[suite]}/dist-packages/hostkeeper.pth", f"{PROGRAM_AT}\n{DEPENDENCIES_AT}\n"


def _dependencies(suite: str) -> Path:
    """Return a directory of the locked dependencies as wheels for the Python of a suite."""

    def install(place: Path) -> None:
        machine = os.uname().machine
        command = [
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"),
            *("--require-hashes", "--no-compile", "--only-binary", ":all:", "--implementation", "cp"),
            *("--python-version", PYTHONS[suite], "--target", str(place), "--requirement", str(LOCK)),
        ]
        for age in ("manylinux_2_28", "manylinux_2_17", "manylinux2014"):
            command += ["--platform", f"{age}_{machine}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        _compile(suite, place, DEPENDENCIES_AT)

    return _kept(f"dependencies-{suite}", hashlib.sha256(LOCK.read_bytes()), install)


def _program(suite: str) -> Path:
    """Return a copy of the agent as it is in the checkout at this moment."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("agent/**/*.py"), *ROOT.glob("schemas/**/*.json")]):
        digest.update(b"\0".join([str(path).encode(), path.read_bytes(), b""]))

    def copy(place: Path) -> None:
        shutil.copytree(ROOT / "agent", place / "agent", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "schemas", place / "schemas")
        _compile(suite, place, PROGRAM_AT)

    return _kept(f"program-{suite}", digest, copy)


def _kept(name: str, key: hashlib._Hash, make: Callable[[Path], None]) -> Path:
    """Return the directory of a key, made if it is missing; those of the same name that nobody has used lately go."""
    kept = CACHE / f"{name}-{key.hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.is_dir():
            for old in [*CACHE.glob(f"{name}-*"), *CACHE.glob(f".{name}-*")]:
                if old.stat().st_mtime < time.time() - UNUSED_SECONDS:
                    shutil.rmtree(old)
            draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=CACHE))
            draft.chmod(0o755)
            make(draft)
            draft.rename(kept)
    os.utime(kept)
    return kept


def _compile(suite: str, place: Path, seen_at: str) -> None:
    """Compile modules with the Python of a suite, so that no start in a bed has to."""
    script = 'mount --bind "$1" "$2/mnt" && exec chroot "$2" python3 -m compileall -q -s /mnt -p "$3" /mnt'
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    done = subprocess.run(
        [*command, str(place), str(tree(suite)), seen_at], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
