"""Bring files and databases back: beside their places first, compared there, and then in one step to where they were.

Until the last step, everything that was replaced is still there, and the run can be taken back; a run that lost its
process goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agent.actions.backup import _box
from agent.actions.backup import _serving as serving
from agent.actions.backup._bringing import Bringing
from agent.actions.backup._replacing import Replacement
from agent.actions.backup._repository import REAL, Drivers
from agent.actions.backup._subject import Options, Subject
from agent.drivers.physical import Physical
from agent.errors import RunFailed
from agent.model.actions import Action, OnInterrupt, Outcome, Preview, Step
from agent.ports import Context

__all__ = ["ACTION", "Options", "plan", "planned"]

_VERIFYING = "compare what is there then with the backup, and take all back unless it is the same"
_SETTLED = "what was replaced is kept or removed by now"


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield the steps from looking to cleaning up."""
    yield from planned(options, ctx, REAL)


def planned(options: Options, ctx: Context, drivers: Drivers) -> Iterator[Step]:
    """As `plan`, with drivers to work with. Raises RunFailed for options that contradict one another."""
    subject = Subject(options, ctx, drivers)
    if isinstance(subject.repository(), Physical):
        yield from serving.steps(subject)
        return
    require_sense(options)
    bringing = Bringing(subject)
    live = () if options.to is not None else options.databases
    replacements = [Replacement(one, subject) for one in live]
    yield Step(name="check", do=bringing.check, preview=lambda _explain: bringing.preview(), undo=_nothing)
    if subject.about_files:
        yield _step("stage", bringing.stage, bringing.say_stage, bringing.unstage)
    for one in replacements:
        yield _step(f"load:{one.name}", one.load, one.say_load, one.unload)
    if subject.about_files:
        yield _step("swap", bringing.swap, bringing.say_swap, bringing.unswap)
    for one in replacements:
        if not options.tables:
            yield _step(f"swap:{one.name}", one.swap, one.say_swap, one.unswap)

    def verify() -> Outcome:
        wrong = [*bringing.wrong(), *(sentence for one in replacements for sentence in one.wrong())]
        if wrong:
            raise RunFailed("what was brought back is not what was backed up:\n" + "\n".join(wrong))
        return Outcome(bringing.verified())

    yield _step("verify", verify, lambda: _VERIFYING, _nothing)

    def clean() -> Outcome:
        facts = bringing.clean()
        for one in replacements:
            facts.update(one.clean())
        return Outcome(facts)

    yield Step(name="clean", do=clean, preview=lambda _explain: bringing.say_clean(), irreversible=_SETTLED)


def _nothing() -> None:
    """Undo what has only looked."""


def _step(name: str, do: Callable[[], Outcome], say: Callable[[], str], undo: Callable[[], None]) -> Step:
    return Step(name=name, do=do, preview=lambda _explain: Preview(say()), undo=undo)


def require_sense(options: Options) -> None:
    """Raise RunFailed for options that contradict one another."""
    if options.point_in_time is not None:
        raise RunFailed("`point_in_time` is for pgbackrest repositories: choose a backup by its instant instead")
    if options.to is None and not options.paths and not options.databases:
        raise RunFailed("nothing to bring back is named: give `paths` or `databases`, or a directory as `to`")
    if options.tables and len(options.databases) != 1:
        raise RunFailed("`tables` are of exactly one database: name it in `databases`")
    if options.tables and options.to is not None:
        raise RunFailed("`tables` are brought back into a database, not into a directory: leave out `tables` or `to`")


ACTION = Action(
    summary="Brings files and databases back from a backup",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
    box=_box.restore,
)
