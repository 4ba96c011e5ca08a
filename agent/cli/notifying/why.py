"""Why a notifier has not told yet what it was to tell."""

from __future__ import annotations

from datetime import tzinfo

from agent.cli.answer import Answer, answer
from agent.drivers.notifiers import receivers_of
from agent.model.notices import State
from agent.model.policies import Notifier
from agent.model.reasons import Reason
from agent.rules.notices.grouping import due
from agent.rules.notices.quiet import silent_until
from agent.store import Store
from agent.trigger import zone


def why_not_told(notifier: Notifier, store: Store, local: tzinfo, now: float) -> list[Answer]:
    """Given a notifier and an instant in seconds since the epoch, say what keeps its messages back."""
    answers: list[Answer] = []
    quiet = notifier.quiet
    silent = None if quiet is None else silent_until(quiet, zone(quiet.timezone, local), now)
    waiting = [notice for notice in store.outbox.notices() if notice.notifier == notifier.name]
    told = due(notifier, waiting, now, silent)
    if waiting and told.wake is not None:
        reason = Reason.QUIET_HOURS if told.wake == silent else Reason.GROUPING
        answers.append(answer(f"{len(waiting)} notices for {notifier.name} wait", reason, told.wake))
    for receiver in receivers_of(notifier):
        kept = [one for one in store.outbox.messages() if one.message.receiver == receiver.name]
        standing = store.outbox.standing(receiver.name)
        held_up = sum(one.state is State.WAITING for one in kept)
        about = f"{_messages(held_up)} for {receiver.name}"
        if held_up and standing.streak:
            answers.append(answer(about, Reason.RECEIVER_FAILS, standing.not_before, standing.last_error))
        elif held_up:
            answers.append(answer(about, Reason.BEING_SENT))
        answers += [
            answer(f"message {one.seq} to {receiver.name} is parked", Reason.RECEIVER_REFUSED, one.ended, one.answer)
            for one in kept
            if one.state is State.PARKED
        ]
    return answers or [Answer(f"nothing waits for {notifier.name}", "", "")]


def _messages(count: int) -> str:
    return "a message waits" if count == 1 else f"{count} messages wait"
