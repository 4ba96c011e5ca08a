"""Makes the archive of a staged tree: control files, checksums, and the same bytes each time."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
from pathlib import Path

from tools.deb.tree import Tree
from tools.deb.wheels import PYTHONS

SCRIPTS = ("postinst", "prerm", "postrm")


def depends() -> str:
    """Return what must be installed: a Python it was built for, and what its scripts and libraries use."""
    minors = [int(python.partition(".")[2]) for python in PYTHONS]
    pythons = [f"python3 (>= 3.{minors[0]})"]
    # A version that lies in a gap is kept out by one clause per gap, since alternatives cannot be ranges.
    for lower, upper in itertools.pairwise(minors):
        if upper > lower + 1:
            pythons.append(f"python3 (<< 3.{lower + 1}) | python3 (>= 3.{upper})")
    pythons.append(f"python3 (<< 3.{minors[-1] + 1})")
    rest = ["libc6 (>= 2.28)", "libgcc-s1", "tzdata", "init-system-helpers (>= 1.54)"]
    return ", ".join([*pythons, *rest, "systemd (>= 252) | systemd-sysusers", "systemd (>= 252) | systemd-tmpfiles"])


def control(template: str, version: str, architecture: str, summary: str, kibibytes: int) -> str:
    """Given the template of the control file and what stands in it, return the file."""
    values = {
        "VERSION": version,
        "ARCHITECTURE": architecture,
        "INSTALLED_SIZE": str(kibibytes),
        "DEPENDS": depends(),
        "SUMMARY": summary,
    }
    for name, value in values.items():
        template = template.replace(f"@{name}@", value)
    return template


def build(tree: Tree, source: Path, archive: Path, about: dict[str, str], epoch: int, level: int) -> None:
    """Given a staged tree, the checkout, what the control file needs, a time and a level, write the archive."""
    files = sorted(path for path in tree.root.rglob("*") if path.is_file() and not path.is_symlink())
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree.root)}" for path in files]
    # As Debian's own tools count it: each file in whole kibibytes, everything else as one.
    size = sum(-(-path.stat().st_size // 1024) for path in files) + sum(p not in files for p in tree.root.rglob("*"))
    debian = source / "packaging/debian"
    template = (debian / "control").read_text(encoding="utf-8")
    conffiles = "".join(f"{name}\n" for name in tree.conffiles())
    summed = "".join(f"{line}\n" for line in sums if not line.split("  ")[1].startswith("etc/"))
    tree.put("DEBIAN/control", control(template, kibibytes=size, **about).encode())
    tree.put("DEBIAN/conffiles", conffiles.encode())
    tree.put("DEBIAN/md5sums", summed.encode())
    tree.put("DEBIAN/triggers", (debian / "triggers").read_bytes())
    for name in SCRIPTS:
        tree.put(f"DEBIAN/{name}", (debian / name).read_bytes(), 0o755)
    pack(tree.root, archive, epoch, level)


def pack(root: Path, archive: Path, epoch: int, level: int) -> None:
    """Given a staged tree with its control files, write the archive; equal trees and times give equal bytes.

    `level` is how hard to compress, from 0 to 9; above 6 a host needs much memory to unpack it.
    """
    for path in [*root.rglob("*"), root]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
    part = archive.with_name(f"{archive.name}.{os.getpid()}.part")
    # One thread: what xz writes depends on how many there are.
    command = [
        "dpkg-deb",
        "--root-owner-group",
        "--threads-max=1",
        "-Zxz",
        f"-z{level}",
        "--build",
        str(root),
        str(part),
    ]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    part.rename(archive)
