"""What `hostkeeper why` says of thresholds and their remedies."""

from __future__ import annotations

from agent.cli.answer import Answer, answer
from agent.model.policies import PolicySet
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
    """Given the name of a threshold, say of each series for which it fires whether that is muted, and by what."""
    answers: list[Answer] = []
    for key, text in sorted(store.conditions.all().items()) if name in policies.thresholds else ():
        threshold, series = parse_state_key(key)
        state = load_state(text)
        if threshold != name or standing(state) is not Standing.FIRING:
            continue
        about = " ".join([name, *(f"{label}={value}" for label, value in series), "fires"])
        if state.muted:
            answers.append(answer(f"{about} and is muted", state.muted, state.fired_at, f"by {state.muted_by}"))
        else:
            answers.append(Answer(about, "", "", state.fired_at))
    if not answers and name in policies.thresholds:
        answers.append(Answer(f"{name} does not fire", "", ""))
    return answers
