"""The files of the package, staged below a folder as they will stand on a host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tools.deb import copyright as terms
from tools.deb import documents, wheels

HOME = "usr/lib/hostkeeper"
COMMON = f"{HOME}/common"
DOC = "usr/share/doc/hostkeeper"
UNITS = "usr/lib/systemd/system"


class Tree:
    """Files below `root`; every one is written through `put` or `link`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """Given a path without its first slash, bytes and a mode, write the file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(mode)

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def copy(self, source: Path, folder: str, pattern: str) -> None:
        """Copy the files below `source` that match a pattern into a folder, with the folders between."""
        for path in sorted(source.rglob(pattern)):
            if path.is_file():
                self.put(f"{folder}/{path.relative_to(source)}", path.read_bytes(), path.stat().st_mode & 0o111 | 0o644)

    def conffiles(self) -> list[str]:
        """Return the paths of the files that belong to the admin."""
        return [f"/{path.relative_to(self.root)}" for path in sorted((self.root / "etc").rglob("*")) if path.is_file()]


def program(tree: Tree, source: Path, needed: Mapping[str, list[Path]]) -> None:
    """Put the environment: a virtual environment with modules for each Python, what serves all of them kept once.

    Which modules are imported is decided by Python itself, by the version of the interpreter that the host has.
    """
    tree.put("usr/bin/hostkeeper", (source / "packaging/hostkeeper").read_bytes(), 0o755)
    tree.put(f"{HOME}/bin/wait-for-runs", (source / "packaging/wait-for-runs").read_bytes(), 0o755)
    tree.put(f"{HOME}/pyvenv.cfg", (source / "packaging/pyvenv.cfg").read_bytes())
    tree.link(f"{HOME}/bin/python3", "../../../bin/python3")
    common = wheels.shared(needed)
    for python, each in needed.items():
        site = f"{HOME}/lib/python{python}/site-packages"
        tree.put(f"{site}/common.pth", f"/{COMMON}\n".encode())
        unpack(tree, site, [wheel for wheel in each if wheel.name not in {one.name for one in common}])
    unpack(tree, COMMON, common)


def unpack(tree: Tree, folder: str, paths: list[Path]) -> None:
    """Put what wheels hold into a folder."""
    for path in paths:
        for name, data in wheels.contents(path):
            tree.put(f"{folder}/{name}", data)


def service(tree: Tree, source: Path) -> None:
    """Put what systemd reads."""
    tree.put(f"{UNITS}/hostkeeper.service", (source / "systemd/hostkeeper.service").read_bytes())
    tree.put("usr/lib/sysusers.d/hostkeeper.conf", (source / "systemd/hostkeeper.sysusers").read_bytes())
    tree.put("usr/lib/tmpfiles.d/hostkeeper.conf", (source / "systemd/hostkeeper.tmpfiles").read_bytes())


def configuration(tree: Tree, source: Path) -> None:
    """Put the settings, an empty policy to begin with, and the policies that an admin may enable.

    What an admin is likely to edit hardly ever changes between versions, since dpkg would ask about it each time.
    """
    tree.put("etc/hostkeeper/agent.yaml", (source / "packaging/agent.yaml").read_bytes())
    tree.put("etc/hostkeeper/policies.d/local.yaml", (source / "packaging/local.yaml").read_bytes())
    for policy in sorted((source / "policies").glob("*.yaml")):
        tree.put(f"etc/hostkeeper/policies.d/available/{policy.name}", policy.read_bytes())


def papers(tree: Tree, source: Path, needed: Mapping[str, list[Path]], revision: str, epoch: int) -> None:
    """Put what people read: manual pages, documents, examples; and the completion scripts."""
    version = revision.rpartition("-")[0]
    for name, data in documents.manuals(version, epoch).items():
        tree.put(f"usr/share/man/{name}", data)
    for name, data in documents.completions().items():
        tree.put(f"usr/share/{name}", data)
    tree.copy(source / "docs", f"{DOC}/docs", "*.md")
    tree.copy(source / "examples", f"{DOC}/examples", "*")
    tree.put(f"{DOC}/examples/agent.yaml", documents.settings())
    tree.put(f"{DOC}/changelog.gz", documents.compressed((source / "CHANGELOG.md").read_text(encoding="utf-8")))
    tree.put(f"{DOC}/changelog.Debian.gz", documents.changelog(revision, epoch))
    first, *_ = needed.values()
    about = [wheels.metadata(wheel) for wheel in first if not wheel.name.startswith("hostkeeper-")]
    tree.put(f"{DOC}/copyright", terms.render(about).encode())
    overrides = (source / "packaging/debian/lintian-overrides").read_bytes()
    tree.put("usr/share/lintian/overrides/hostkeeper", overrides)
