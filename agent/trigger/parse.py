"""From a policy's text to a trigger."""

from __future__ import annotations

from agent.nearest import nearest
from agent.trigger.values import ScheduleError, Trigger
from agent.trigger.vocabulary import SHAPE as PHRASE_SHAPE
from agent.trigger.vocabulary import WORDS

SHAPE = 'write a cron line such as "30 2 * * *", a name such as "@daily", or a phrase such as "every 10 minutes"'


def parse(text: str) -> Trigger:
    """Given a cron line of five fields, an `@name` or an `every ...` phrase, return when it fires.

    Whatever is returned fires some day. Raises ScheduleError, with a suggestion, for all else.
    """
    # Imported for the first schedule; many a set has none.
    from agent.trigger import cron  # noqa: PLC0415

    if len(text) > cron.LONGEST:
        raise ScheduleError(f"a schedule has at most {cron.LONGEST} characters, and this one has {len(text)}", SHAPE)
    if not text.isascii():
        raise ScheduleError("a schedule is written in plain ASCII characters", SHAPE)
    words = " ".join(text.lower().split())
    if not words:
        raise ScheduleError("the schedule is empty", SHAPE)
    first = words.split()[0]
    if first.startswith("@"):
        return _alias(text, words)
    if first == "every":
        from agent.trigger.phrases import parse_phrase  # noqa: PLC0415 - it brings a library that cron lines do without

        return parse_phrase(text, words)
    if f"@{words}" in cron.ALIASES:
        raise ScheduleError(f'"{words}" is not a schedule', f'write "@{words}"')
    if not WORDS.isdisjoint(words.split()):
        raise ScheduleError('a phrase begins with "every"', PHRASE_SHAPE)
    if not any(character in "0123456789*" for character in words):
        raise ScheduleError(f'"{words[:64]}" is not a schedule', SHAPE)
    return cron.parse_cron(text, text)


def _alias(text: str, word: str) -> Trigger:
    from agent.trigger import cron  # noqa: PLC0415 - `parse` has imported it

    if word in cron.ALIASES:
        return cron.parse_cron(text, cron.ALIASES[word])
    if word == "@reboot":
        raise ScheduleError('"@reboot" is not offered: a task falls due by the clock', SHAPE)
    close = nearest(word[:32], cron.ALIASES)
    suggestion = f'did you mean "{close}"?' if close else f"use one of {', '.join(cron.ALIASES)}"
    raise ScheduleError(f'"{word[:32]}" is no name of a schedule', suggestion)
