"""What `hostkeeper why` says of thresholds and their remedies."""

from __future__ import annotations

from agent.cli.answer import Answer, answer
from agent.model.policies import PolicySet
from agent.model.signals import Verdict
from agent.readable import labelled
from agent.rules.condition_json import load_state
from agent.rules.conditions import Standing, standing
from agent.rules.remedies import is_of
from agent.rules.series import parse_state_key
from agent.store import Store


def why_held(name: str, store: Store) -> list[Answer]:
    """Given a task, a threshold or the name of a remedy, return what is held of it, and why."""
    held = store.holds.held().values()
    return [
        answer(f"{hold.name} is held", hold.reason, hold.since, hold.detail)
        for hold in held
        if hold.name == name or is_of(hold.name, name)
    ]


def why_firing(name: str, store: Store, policies: PolicySet) -> list[Answer]:
    """Given the name of a threshold, say of each series for which it fires whether that is muted, and by what.

    Where it fires for none, say of which it cannot be judged, and which violate it but not yet for long enough.
    """
    answers: list[Answer] = []
    others: list[Answer] = []
    for key, text in sorted(store.conditions.all().items()) if name in policies.thresholds else ():
        threshold, series = parse_state_key(key)
        state = load_state(text)
        if threshold != name:
            continue
        about = f"{name} {labelled(series)}".rstrip()
        stands = standing(state)
        if stands is Standing.FIRING and state.muted:
            answers.append(answer(f"{about} fires and is muted", state.muted, state.fired_at, f"by {state.muted_by}"))
        elif stands is Standing.FIRING:
            answers.append(Answer(f"{about} fires", "", "", state.fired_at))
        elif stands is Standing.PENDING:
            others.append(Answer(f"{about} is violated, but not yet for long enough", stands, "", state.since))
        elif stands is Standing.UNKNOWN:
            missing = _missing(state.verdict)
            others.append(Answer(f"{about} cannot be judged", state.verdict, "", state.missing_since, missing))
    if not answers and name in policies.thresholds:
        return others or [Answer(f"{name} does not fire", "", "")]
    return answers


def _missing(verdict: Verdict) -> str:
    return "it could not be measured" if verdict is Verdict.ERROR else "there is no number to judge"
