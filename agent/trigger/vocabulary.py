"""The words of phrases such as `every 10 minutes`; here, because most schedules are cron lines and hold none."""

from __future__ import annotations

SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NAMES = (*SECONDS, *(unit[:-1] for unit in SECONDS), *WEEKDAYS)
WORDS = frozenset(NAMES)
SHAPE = 'write a phrase such as "every 10 minutes", "every day at 02:30" or "every monday at 03:00"'
