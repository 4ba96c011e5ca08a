"""`hostkeeper why`: the reason behind a task, a run or an object, in words."""

from __future__ import annotations

import argparse
import json
import os

from msgspec.structs import asdict

from agent.cli.answer import Answer, answer
from agent.cli.history_command import whole
from agent.cli.looking import look
from agent.cli.notifying.why import why_not_told
from agent.cli.output import emit_json, harmless, instant
from agent.cli.parser import whole_number
from agent.cli.why_threshold import why_firing, why_held
from agent.cli.world import World
from agent.engine.in_force import in_force
from agent.engine.outlook import outlook
from agent.errors import ExitCode, NotFound
from agent.host.clock import SystemClock
from agent.host.objects import lookup
from agent.model.actions import Judgement
from agent.model.policies import PolicySet, Task
from agent.model.reasons import Reason
from agent.probes.catalogue import SIGNALS
from agent.rules.dispatch import Skip, Start, Wait
from agent.rules.outcomes import outcome
from agent.store import Store


def main(arguments: argparse.Namespace) -> int:
    """Say why; exit code 8 when nothing is known of the subject."""
    world = World(arguments)
    subject: str = arguments.subject
    with Store(arguments.state, read_only=True) as store:
        policies = world.policies() if store.facts.get("daemon") is None else in_force(store, SIGNALS)
        if (number := whole_number(subject)) is not None:
            run = store.runs.get(number)
            answers = [answer(f"run {run.id} of {run.task}", run.why, run.ended, run.detail)]
            text = whole(run, store.steps.of(run.id), world.zone)
        elif "/" in subject and subject not in store.holds.held():
            answers, text = _object(os.path.abspath(subject), store, policies), ""
        else:
            answers, text = _task(subject, world, store, policies), ""
    if not answers:
        raise NotFound(f"nothing is known of {subject!r}: give a task, a threshold, the number of a run, or a path")
    if arguments.json:
        emit_json([asdict(one) for one in answers])
        return ExitCode.OK
    for one in answers:
        at = f", {instant(one.at, world.zone)}" if one.at is not None else ""
        print(f"{harmless(one.about)}: {one.reason or 'nothing stood in its way'}{at}")
        if one.meaning:
            print(f"  {one.meaning}")
        if one.detail:
            print(f"  {harmless(one.detail)}")
    if text:
        print(f"\n{text}")
    return ExitCode.OK


def _task(name: str, world: World, store: Store, policies: PolicySet) -> list[Answer]:
    now = SystemClock().now().timestamp()
    answers = [*why_held(name, store), *why_firing(name, store, policies)]
    decisions = outlook(store, policies, world.zone, world.settings().concurrency, now)
    for run in store.runs.open():
        decision = decisions.get(run.id) if run.task == name else None
        if isinstance(decision, Wait):
            answers.append(answer(f"run {run.id} waits", decision.reason, decision.until, decision.detail))
        elif isinstance(decision, Skip):
            answers.append(answer(f"run {run.id} will be skipped", decision.reason, None, decision.detail))
        elif isinstance(decision, Start):
            answers.append(answer(f"run {run.id} is {run.state} and starts at once", run.why, None, run.detail))
    task = policies.tasks.get(name)
    if task is not None and not task.enabled:
        answers.append(answer(f"{name} never falls due", Reason.DISABLED))
    latest = store.runs.latest(name)
    if name in policies.notifiers:
        answers += why_not_told(policies.notifiers[name], store, world.zone, now)
    if latest is not None and latest.id not in decisions:
        answers.append(answer(f"run {latest.id} is {outcome(latest)}", latest.why, latest.ended, latest.detail))
    elif latest is None and task is not None and task.enabled:
        due = world.next_due(policies).get(name)
        detail = f"it falls due at {instant(due, world.zone)}" if due else "it has no schedule"
        answers.append(Answer(f"{name} has not run yet", "", "", None, detail))
    return answers


def _object(path: str, store: Store, policies: PolicySet) -> list[Answer]:
    """Deleted objects are in the log; those that exist are judged anew by every task that would meet them."""
    wanted = os.fsencode(path)
    answers = [
        answer(f"deleted by run {found.run}", found.reason, found.at) for found in lookup(store.directory, wanted)
    ]
    if not os.path.lexists(path):
        return answers
    for task in policies.tasks.values():
        if _meets(task, path):
            answers += _judged(task, policies, store, wanted)
    return answers


def _meets(task: Task, path: str) -> bool:
    places = json.loads(task.options).get("paths", ())
    return any(path.startswith(place.rstrip("/") + "/") for place in places if isinstance(place, str))


def _judged(task: Task, policies: PolicySet, store: Store, wanted: bytes) -> list[Answer]:
    heard: list[Answer] = []

    def hear(judgement: Judgement) -> None:
        if judgement.target == wanted:
            verb = "would be deleted" if judgement.deleted else "is kept"
            heard.append(answer(f"{verb} by {task.name}", judgement.reason, None, judgement.detail))

    look(task, policies, store, SystemClock().now(), store.directory, hear)
    return heard
