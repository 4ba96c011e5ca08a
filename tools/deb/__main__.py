"""`python -m tools.deb`: writes dist/hostkeeper_VERSION_ARCHITECTURE.deb and prints its path."""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
import tomllib
from pathlib import Path

from tools.deb import archive, tree, wheels

SOURCE = Path(__file__).resolve().parents[2]
REVISION = "1"


def main() -> None:
    """Build the package for one architecture."""
    parser = argparse.ArgumentParser(prog="python -m tools.deb", description=main.__doc__)
    parser.add_argument("--arch", choices=wheels.MACHINES, default=architecture(), help="default: that of this host")
    parser.add_argument("--output", type=Path, default=SOURCE / "dist", metavar="DIR", help="default: dist")
    arguments = parser.parse_args()
    started = time.monotonic()
    made = build(SOURCE, arguments.arch, arguments.output, epoch(SOURCE))
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB in {time.monotonic() - started:.0f} s")


def build(source: Path, machine: str, output: Path, when: int, level: int = 6) -> Path:
    """Given the checkout, an architecture, a folder and the time that all files bear, build the package into it.

    `level` is how hard to compress, from 0 to 9; what is in the package does not depend on it.
    """
    project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about = {
        "version": f"{project['version']}-{REVISION}",
        "architecture": machine,
        "summary": project["description"].partition(":")[0].removeprefix("A "),
    }
    output.mkdir(parents=True, exist_ok=True)
    made = output / f"hostkeeper_{about['version']}_{machine}.deb"
    with tempfile.TemporaryDirectory(prefix="hostkeeper-deb-") as scratch:
        place = Path(scratch)
        ours = wheels.own(source, place, when)
        cache = source / ".cache" / "wheels"
        needed = {}
        for python in wheels.PYTHONS:
            folder = wheels.fetch(source / "requirements.lock", python, machine, cache)
            needed[python] = wheels.closure(ours, folder, python, machine, place)
        staged = tree.Tree(place / "root")
        tree.program(staged, source, needed)
        tree.service(staged, source)
        tree.configuration(staged, source)
        tree.papers(staged, source, needed, about["version"], when)
        archive.build(staged, source, made, about, when, level)
    return made


def architecture() -> str:
    """Return Debian's name of this host's architecture."""
    command = ["dpkg", "--print-architecture"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def epoch(source: Path) -> int:
    """Return the time that all files of the package bear: SOURCE_DATE_EPOCH, else that of the last commit."""
    if when := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(when)
    command = ["git", "-C", str(source), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


if __name__ == "__main__":
    main()
