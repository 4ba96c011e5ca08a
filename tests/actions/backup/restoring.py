"""A live tree, its backup, and a run of `backup.restore` as the engine goes through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agent.actions.backup.restore import Options, planned
from agent.model.actions import Step
from agent.model.backups import Backup, Level, Part
from agent.ports import Context
from tests.actions.backup.fakes import REPOSITORY, FakeDatabase, Vault, drivers

FILES = Part(kind="files", name="files", form="fake", bytes=5, stored=5)
DATABASE = Part(kind="fake", name="shop", form="fake dump", bytes=1000, stored=500, counts={"orders": 3})


def backup(name: str = "b1", **changes: object) -> Backup:
    made = Backup(
        id=name,
        repository="local",
        host="host",
        task="shop",
        level=Level.FULL,
        parent="",
        began=1000.0,
        ended=1001.0,
        parts=(FILES, DATABASE),
        files=2,
    )
    return replace(made, **changes)


def options(**changes: Any) -> Options:
    chosen: dict[str, Any] = {"repository": REPOSITORY, "task": "shop", "host": None, "backup": "latest", "paths": []}
    more: dict[str, Any] = {"databases": [], "tables": [], "to": None, "point_in_time": None, "safety": True}
    return Options(**{**chosen, **more, **changes})


class Run:
    """Steps and how the engine goes through them."""

    def __init__(self, chosen: Options, ctx: Context, vault: Vault, database: FakeDatabase | None = None) -> None:
        self.make: Callable[[], Sequence[Step]] = lambda: list(
            planned(chosen, ctx, drivers(vault, database or FakeDatabase()))
        )

    def all(self) -> dict[str, Mapping[str, Any]]:
        return {step.name: step.do().facts for step in self.make()}

    def until(self, name: str) -> list[Step]:
        """Do the steps up to and with one; return them."""
        done = []
        for step in self.make():
            done.append(step)
            step.do()
            if step.name == name:
                break
        return done

    def take_back(self, steps: Sequence[Step]) -> None:
        names = [step.name for step in steps]
        for step in reversed([step for step in self.make() if step.name in names]):
            assert step.undo is not None
            step.undo()


def tree(place: Path) -> dict[str, str]:
    return {str(path.relative_to(place)): path.read_text() for path in sorted(place.rglob("*")) if path.is_file()}


BROUGHT = {"deep/er": "below", "logo": "hello"}
DAMAGED = {"logo": "damaged", "new": "since"}


def staging(tmp_path: Path) -> list[str]:
    return [str(path) for path in tmp_path.rglob(".hostkeeper-restore-*")]
