"""The wheels that go into the package: fetched by the lock with their hashes, resolved by pip, unpacked by us."""

from __future__ import annotations

import email
import email.utils
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

PYTHONS = ("3.11", "3.13")
"""The Pythons of Debian 12 and 13, for which compiled wheels differ."""

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""What pip calls the machines of Debian's architectures."""

GLIBC = ("2_28", "2_17")
"""Versions of the C library that a wheel may ask for; all are older than Debian 12's."""

SKIPPED_PARTS = ("tests", "sqlite_extra_binaries")
"""Folders in wheels that no program of ours ever looks into."""

SKIPPED_ENDINGS = (".pyi", ".c", ".h", "RECORD", "py.typed")
"""Files that serve building, or another package manager."""

LICENCES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")
"""How the names of files begin that say under which terms a wheel is given."""


def target(python: str, machine: str) -> list[str]:
    """Given a Python and a Debian architecture, return pip's arguments for wheels that fit them."""
    named = [f"manylinux_{version}_{MACHINES[machine]}" for version in GLIBC] + [f"manylinux2014_{MACHINES[machine]}"]
    platforms = [argument for name in named for argument in ("--platform", name)]
    return ["--only-binary", ":all:", "--implementation", "cp", "--python-version", python, *platforms]


def fetch(lock: Path, python: str, machine: str, cache: Path) -> Path:
    """Given a lock, return a folder with the wheels it names; downloaded when it has changed since the last time."""
    digest = hashlib.sha256("\0".join([lock.read_text("utf-8"), *target(python, machine)]).encode()).hexdigest()[:16]
    folder = cache / f"{machine}-{python}-{digest}"
    if not folder.is_dir():
        part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        fixed = ["--quiet", "--no-deps", "--require-hashes", "--dest", str(part), "--requirement", str(lock)]
        pip("download", *fixed, *target(python, machine))
        if not folder.is_dir():
            part.rename(folder)
    return folder


def own(source: Path, folder: Path, epoch: int) -> Path:
    """Given the checkout, build its wheel into a folder, without network, all files of one time, and return it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(command, cwd=source, check=True, capture_output=True, env=environment)
    (wheel,) = folder.glob("*.whl")
    return wheel


def closure(wheel: Path, folder: Path, python: str, machine: str, scratch: Path) -> list[Path]:
    """Given our wheel and a folder of wheels, return it and those it needs, and not what only builds it.

    pip judges the conditions of dependencies by the Python it runs on, which is none newer than those we build for, so
    that there may be a needless one and never one too few.
    """
    report = scratch / f"report-{python}.json"
    fixed = ["--isolated", "--quiet", "--no-index", "--find-links", str(folder), "--report", str(report), "--dry-run"]
    pip("install", *fixed, "--ignore-installed", "--target", str(scratch), *target(python, machine), str(wheel))
    found = json.loads(report.read_bytes())["install"]
    return sorted(Path(unquote(urlsplit(item["download_info"]["url"]).path)) for item in found)


def pip(*arguments: str) -> None:
    """Run pip and show what it says when it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)


def shared(wheels: Mapping[str, list[Path]]) -> list[Path]:
    """Given the wheels of each Python, return those that serve them all: of Python alone, or of its stable ABI."""
    first, *others = wheels.values()
    return [wheel for wheel in first if all(wheel.name in {other.name for other in each} for each in others)]


def contents(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Given a wheel, yield name and bytes of what it installs among the modules."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if any(part.endswith(".data") for part in name.split("/")[:1]):
                raise SystemExit(f"{wheel.name}: {name}: only files among the modules are understood")
            if name.endswith("/") or name.endswith(SKIPPED_ENDINGS) or set(name.split("/")[:-1]) & {*SKIPPED_PARTS}:
                continue
            yield name, archive.read(name)


def metadata(wheel: Path) -> dict[str, str]:
    """Given a wheel, return `name`, `version`, `author`, `licence` and the `text` of its licence files."""
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(archive.namelist())
        (path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        head = email.message_from_string(archive.read(path).decode())
        licences = [name for name in names if ".dist-info/" in name and Path(name).name.startswith(LICENCES)]
        texts = [archive.read(name).decode(errors="replace") for name in licences]
    author = head["Author"] or email.utils.parseaddr(head["Author-email"] or "")[0]
    licence = (head["License-Expression"] or head["License"] or head["Name"]).splitlines()[0]
    fields = {"name": head["Name"], "version": head["Version"], "author": author or f"The authors of {head['Name']}"}
    return {**fields, "licence": licence, "text": "\n".join(texts)}
