"""Every policy and every settings file that we show or ship is valid: those in folders, and those in documents."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.errors import PolicyError
from agent.policy.load import load
from agent.policy.load_settings import load_settings
from agent.probes.catalogue import SIGNALS

# Who may write the files of a checkout is nobody's business here: `root=False` leaves that question out.


def folders(root: Path) -> Iterator[Path]:
    """Given the checkout, yield each folder that is a policy set."""
    yield root / "policies"
    yield from sorted((root / "examples").glob("*/policies"))


def in_folder(root: Path, folder: Path) -> Iterator[str]:
    """Given a folder that is a policy set, yield its mistakes."""
    try:
        load(str(folder), SIGNALS, root=False)
    except PolicyError as error:
        yield from (str(mistake).removeprefix(f"{root}/") for mistake in error.mistakes)


def settings(root: Path) -> Iterator[str]:
    """Given the checkout, yield the mistakes of the settings that we show."""
    for file in sorted((root / "examples").glob("*/agent.yaml")):
        try:
            load_settings(str(file), root=False)
        except PolicyError as error:
            yield from (str(mistake).removeprefix(f"{root}/") for mistake in error.mistakes)


def in_document(name: str, policies: Iterable[tuple[int, str]]) -> Iterator[str]:
    """Given a document's name and its policies with the lines where they begin, yield their mistakes."""
    for line, body in policies:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "policy.yaml").write_text(body, encoding="utf-8")
            try:
                load(folder, SIGNALS, root=False)
            except PolicyError as error:
                for mistake in error.mistakes:
                    yield f"{name}:{line + mistake.line}: {mistake.path}: {mistake.wrong}: {mistake.right}"
