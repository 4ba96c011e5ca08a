"""What the tests of making and verifying backups share: options as policies give them, and runs of a whole plan."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agent.actions.backup import create, verify
from agent.model.actions import Judgement, Outcome, Preview, Step
from agent.model.backups import Backup, Junk, Level, Proof, Verification
from agent.model.policies import Limits
from agent.policy.normalise import normalise, plan_of
from agent.ports import Context
from agent.schema import root
from tests.actions.backup.fakes import REPOSITORY, SHOP, FakeDatabase, Vault, drivers
from tests.fakes import EPOCH, FakeClock, FakeLedger, FakeMemory, FakeObjectLog, Stop, context

DAY = 86400.0


def completed(action: str, written: dict[str, Any]) -> dict[str, Any]:
    """Return options as a policy set holds them: quantities read, defaults filled, names replaced."""
    schema = json.loads(Path(root(), "actions", f"{action}.json").read_bytes())
    options = normalise(plan_of(schema), written, [])
    options["repository"] = REPOSITORY
    for source in options.get("sources", ()):
        if source["database"] is not None:
            source["database"] = {**SHOP, "name": source["database"]}
    assert isinstance(options, dict)
    return options


@dataclass
class Host:
    """A host with a task that backs up a directory and a database, and all that its runs remember."""

    place: Path
    vault: Vault = field(default_factory=Vault)
    shop: FakeDatabase = field(default_factory=FakeDatabase)
    clock: FakeClock = field(default_factory=FakeClock)
    memory: FakeMemory = field(default_factory=FakeMemory)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    objects: FakeObjectLog = field(default_factory=FakeObjectLog)
    limits: Limits = field(default_factory=Limits)
    stop: Stop = field(default_factory=Stop)
    heard: list[Judgement] = field(default_factory=list)
    runs: int = 0
    task: str = "task"
    directory: str = ""
    """Where the repository is, if it is to be taken for a directory of this host."""

    def __post_init__(self) -> None:
        (self.data / "below").mkdir(parents=True)
        (self.data / "one").write_text("one")
        (self.data / "below" / "two.tmp").write_text("two")

    @property
    def data(self) -> Path:
        return self.place / "data"

    def context(self, **changes: Any) -> Context:
        """Return the context of a new run, which is planned now."""
        self.runs += 1
        made = context(
            clock=self.clock,
            memory=self.memory,
            ledger=self.ledger,
            objects=self.objects,
            limits=self.limits,
            stop=self.stop,
            explain=self.heard.append,
            place=str(self.place / "state" / "tasks" / "task"),
        )
        return replace(made, run=self.runs, task=self.task, **changes)

    def steps(self, ctx: Context | None = None, **changes: Any) -> dict[str, Step]:
        """Return the steps of `backup.create` by name."""
        written = {"repository": "local", "sources": [{"path": str(self.data)}, {"database": "shop"}], **changes}
        options = completed("backup.create", written)
        if self.directory:
            options["repository"] = {**REPOSITORY, "settings": {"path": self.directory}}
        planned = create.planned(create.Options(**options), ctx or self.context(), drivers(self.vault, self.shop))
        return {step.name: step for step in planned}

    def run(self, ctx: Context | None = None, **changes: Any) -> dict[str, Outcome]:
        """Do every step; return the outcomes by name."""
        return {name: step.do() for name, step in self.steps(ctx, **changes).items()}

    def run_later(self, days: float, **changes: Any) -> dict[str, Outcome]:
        """Let days pass, then run."""
        self.clock.advance(days * DAY)
        return self.run(**changes)

    def previews(self, **changes: Any) -> dict[str, Preview]:
        return {name: step.preview(self.heard.append) for name, step in self.steps(**changes).items()}

    def verifying(self, ctx: Context | None = None, **written: Any) -> dict[str, Step]:
        """Return the steps of `backup.verify` by name."""
        options = verify.Options(**completed("backup.verify", {"repository": "local", **written}))
        return {step.name: step for step in verify.planned(options, ctx or self.context(), drivers(self.vault))}

    def verify(self, ctx: Context | None = None, **written: Any) -> dict[str, Outcome]:
        return {name: step.do() for name, step in self.verifying(ctx, **written).items()}

    def had(self, name: str, days: float, parent: str = "", flaws: tuple[str, ...] = (), task: str = "task") -> Backup:
        """Let there be a backup that began so many days before the epoch of the tests, which nobody knows of."""
        began = (EPOCH - timedelta(days=days)).timestamp()
        backup = Backup(
            id=name,
            repository="local",
            host="host",
            task=task,
            level=Level.INCREMENTAL if parent else Level.FULL,
            parent=parent,
            began=began,
            ended=began + 1,
            parts=(),
            files=1,
            flaws=flaws,
        )
        return self.vault.put(backup)

    def proved(self, name: str) -> None:
        now = self.clock.now().timestamp()
        self.ledger.proved(
            Proof(repository="local", task="task", backup=name, at=now, seconds=1, bytes=1, checks={"files": 1})
        )

    def found_damaged(self, name: str) -> None:
        now = self.clock.now().timestamp()
        self.ledger.verified(
            Verification(repository="local", task="task", backup=name, at=now, deep=True, bytes=1, flaws=("torn",))
        )

    def remove(self, name: str) -> None:
        """Somebody else removes a backup, if it is there, and says so."""
        self.vault.stored.pop(name, None)
        self.ledger.removed("local", [name])

    def ids(self) -> list[str]:
        """Return the ids of what the repository holds, oldest first."""
        return [one.id for one in self.vault.listing().backups]

    def levels(self) -> list[str]:
        return [one.level.value for one in self.vault.listing().backups]


JUNK = Junk("half", "it has no manifest")
