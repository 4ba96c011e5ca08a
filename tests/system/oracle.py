"""What must hold after any fault: the same questions, whatever was killed where.

Each check raises AssertionError with what it found. `checks` asks all of them of a world that has come to its end.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from agent.host.heads import HeadFile
from agent.model.runs import MOVES, Origin, Run, RunState, StepState
from agent.rules.condition_json import load_state
from agent.rules.conditions import Standing, standing
from agent.rules.series import parse_state_key
from agent.store import Store
from agent.store.chain import Head
from agent.store.verify import verify
from tests.system.evidence import Audited, Effect, digest_of
from tests.system.scenarios.scenario import Ends
from tests.system.world import World

STATE_FILES = re.compile(
    r"hostkeeper\.db(-wal|-shm)?|lock|sender\.lock|ballast|heads\.log|objects(/\d+\.\d+)?|tasks(/.+)?"
)
LABEL = re.compile(r'(\w+)="([^"]*)"')
STEP_MOVES: Mapping[str, frozenset[StepState]] = {
    "": frozenset({StepState.DOING}),
    StepState.DOING: frozenset({StepState.DOING, StepState.DONE, StepState.FAILED, StepState.UNDOING}),
    StepState.DONE: frozenset({StepState.UNDOING}),
    StepState.FAILED: frozenset({StepState.UNDOING}),
    StepState.UNDOING: frozenset({StepState.UNDOING, StepState.UNDONE}),
    StepState.UNDONE: frozenset(),
}
"""`doing -> doing` is an act repeated because nobody can know how far it had come; so is `undoing -> undoing`."""


def ended(runs: Sequence[Run], ends: Ends) -> bool:
    """Tell whether every task's runs have ended as they should, or at least may have."""
    if any(run.ended is None for run in runs):
        return False
    by_task: dict[str, list[RunState]] = defaultdict(list)
    for run in runs:
        by_task[run.task].append(run.state)
    return by_task.keys() <= ends.keys() and all(_fits(by_task[task], end) for task, end in ends.items())


def _fits(states: Sequence[RunState], end: frozenset[RunState] | tuple[frozenset[RunState], ...]) -> bool:
    if isinstance(end, frozenset):
        return bool(states) and end.issuperset(states)
    return len(states) == len(end) and all(state in allowed for state, allowed in zip(states, end, strict=True))


def store_is_sound(world: World, most: int = 10_000) -> None:
    """SQLite finds nothing wrong, every row is what was written, and no row points nowhere; of runs, the newest."""
    with Store(str(world.agent.state), read_only=True) as store:
        assert store.connection.integrity() == []
        assert store.connection.rows("PRAGMA foreign_key_check") == []
        noted = [(Head(head.seq, head.hash), head.file) for head in HeadFile(store.directory).all()]
        assert verify(store, noted).findings == []
        for run in store.runs.recent(most):
            store.steps.of(run.id)
            if run.document:
                store.documents.get(run.document)
        store.marks.all()
        store.holds.all()
        store.conditions.all()
        store.fragments.all()
        for repository, task in store.connection.rows("SELECT DISTINCT repository, task FROM backups"):
            store.ledger.known(str(repository), str(task))
            store.ledger.proofs(str(repository))
            store.ledger.verifications(str(repository))
        for task, key in store.connection.rows("SELECT task, key FROM memories"):
            store.memory(str(task)).recall(str(key))


def histories_are_legal(world: World) -> None:
    """Every run and every step only ever made moves that are allowed; attempts only ever grow."""
    runs: dict[int, str] = {}
    steps: dict[tuple[int, int], str] = {}
    attempts: Counter[int] = Counter()
    for row in world.audit():
        if row.seq is not None:
            assert row.became in STEP_MOVES[steps.get((row.run, row.seq), "")], (row, steps)
            steps[row.run, row.seq] = row.became
            continue
        assert row.was == runs.get(row.run, "")
        if row.was:
            assert row.became in MOVES[RunState(row.was)], row
            assert row.attempt is not None and row.attempt >= attempts[row.run]
        else:
            assert row.became == RunState.PENDING
        runs[row.run] = row.became
        attempts[row.run] = row.attempt or 0


def nothing_acknowledged_is_lost(world: World) -> None:
    """What the process of a run has gone past is in the store: no transaction is around it that could be undone."""
    # In this order: a run at work goes on writing meanwhile.
    reached = Counter(name.removeprefix("run/") for name in world.reached() if name.startswith("run/"))
    written = Counter(f"step.{row.became}" if row.seq is not None else f"run.{row.became}" for row in world.audit())
    for name, times in reached.items():
        write, _, side = name.rpartition(":")
        if side == "after" and write.removeprefix("step.") in set(StepState):
            assert written[write] >= times, (write, written, reached)


def acts_happened_as_journalled(world: World, again: int) -> None:
    """Each act happened at most as often as its step was begun, at least once if it is done, never once more after."""
    acts_fit(world.audit(), world.effects())
    begun = Counter((row.run, row.seq) for row in world.audit() if row.became == StepState.DOING)
    assert max(begun.values(), default=0) <= 1 + again, begun


def acts_fit(audit: Iterable[Audited], effects: Iterable[Effect]) -> None:
    """Given all that was journalled of some runs and all that they did, each act has its entries in the journal."""
    journal: dict[int, Counter[str]] = defaultdict(Counter)
    for row in audit:
        if row.seq is not None:
            journal[row.run][row.became] += 1
    acts: dict[int, Counter[str]] = defaultdict(Counter)
    for effect in effects:
        acts[effect.run][effect.word] += 1
    assert acts.keys() <= journal.keys(), acts.keys() - journal.keys()
    for run, states in journal.items():
        if "do" in acts[run] or "undo" in acts[run]:
            assert states[StepState.DONE] <= acts[run]["do"] <= states[StepState.DOING], (run, states, acts[run])
            assert states[StepState.UNDONE] <= acts[run]["undo"] <= states[StepState.UNDOING], (run, states, acts[run])


def due_times_had_one_run_each(world: World) -> None:
    """No due time of a task was run twice; only a retry is for a due time that had a run."""
    scheduled = [(r.task, r.due) for r in world.agent.runs() if r.origin in (Origin.SCHEDULE, Origin.CATCH_UP)]
    assert len(scheduled) == len(set(scheduled))
    tries = [(r.task, r.due, r.tries) for r in world.agent.runs()]
    assert len(tries) == len(set(tries)) or not scheduled


def nothing_is_left_behind(world: World) -> None:
    """No process of a run, no control group, and no file in the state directory that does not belong there."""
    assert world.processes() == []
    assert world.agent.groups() == []
    state = world.agent.state
    names = {str(path.relative_to(state)) for path in state.rglob("*")}
    assert {name for name in names if not STATE_FILES.fullmatch(name)} == set()


def metrics_agree(world: World, tasks: Collection[str]) -> None:
    """The page says of these tasks what the store says; what it counts is what ended since the agent started."""
    seen: list[str] = []

    def agree() -> bool:
        seen[:] = _disagreements(world, tasks)
        return not seen

    world.wait(agree, lambda: f"for metrics to agree: {seen}")


def _disagreements(world: World, tasks: Collection[str]) -> list[str]:
    page = _page(world)
    runs = [run for run in world.agent.runs() if run.task in tasks]
    with Store(str(world.agent.state), read_only=True) as store:
        conditions = {parse_state_key(key): load_state(text) for key, text in store.conditions.all().items()}
        held = set(store.holds.held())
    wanted = {
        series("hostkeeper_runs_running"): sum(run.state is RunState.RUNNING for run in runs),
        series("hostkeeper_policies_valid"): 1,
        series("hostkeeper_policies_info", digest=world.agent.digest()): 1,
        **_last_instants(runs, world.audit()),
    }
    for (name, labels), state in conditions.items():
        firing = standing(state) is Standing.FIRING
        wanted[series("hostkeeper_threshold_firing", threshold=name, **dict(labels))] = firing
    found = [
        f"{name}: {page.get(name)} instead of {value}" for name, value in wanted.items() if page.get(name) != value
    ]
    shown = [dict(labels)["name"] for name, labels in page if name == "hostkeeper_hold"]
    if sorted(shown) != sorted(held):
        found.append(f"held: {shown} instead of {held}")
    totals = [(dict(labels), value) for (name, labels), value in page.items() if name == "hostkeeper_runs_total"]
    counted = sum(value for labels, value in totals if labels["task"] in tasks)
    ended_since = [r for r in runs if r.ended and (r.id in world.unended_before_life or r.id > world.last_before_life)]
    if not len(ended_since) - world.runs_alive_at_start <= counted <= len(ended_since):
        found.append(f"runs counted: {counted} instead of {len(ended_since)}")
    return found


def _last_instants(runs: Sequence[Run], audit: Sequence[Audited]) -> dict[Series, float]:
    """Return the metrics of what ended last; by the order of writing, since the clock may have been set back."""
    written = {row.run: n for n, row in enumerate(audit)}
    runs = sorted(runs, key=lambda run: written.get(run.id, 0))
    begun = {run.task: run.ended for run in runs if run.started is not None and run.ended is not None}
    good = {run.task: run.ended for run in runs if run.state is RunState.SUCCEEDED and run.ended is not None}
    instants = [("run", begun), ("success", good)]
    return {
        series(f"hostkeeper_task_last_{name}_timestamp_seconds", task=task): instant
        for name, by_task in instants
        for task, instant in by_task.items()
    }


Series = tuple[str, frozenset[tuple[str, str]]]


def series(name: str, /, **labels: str) -> Series:
    """Return the key of a series of a page."""
    return name, frozenset(labels.items())


def _page(world: World) -> dict[Series, float]:
    status, text = world.agent.get("/metrics")
    # An agent that is killed this moment does not answer at all.
    assert status in (0, 200), f"/metrics answers {status}: {text}"
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    found = {}
    for name, _, value in (line.rpartition(" ") for line in lines):
        family, _, labels = name.partition("{")
        found[series(family, **dict(LABEL.findall(labels)))] = float(value)
    return found


def record_of(world: World) -> dict[str, object]:
    """Return all that must not change when an agent is started that has nothing to do."""
    with Store(str(world.agent.state), read_only=True) as store:
        tables = {
            name: store.connection.rows(f"SELECT * FROM {name} ORDER BY 1, 2")
            for name in ("runs", "steps", "marks", "holds", "memories", "fragments", "documents", "backups", "proofs")
        }
    trees = {path.name: digest_of(path) for path in world.place.iterdir() if path.is_dir() and path.name != "state"}
    return {**tables, **trees, "effects": world.effects()}
