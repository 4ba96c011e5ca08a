"""What is a schedule, and what is told to whoever writes something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.trigger import Cron, Every, ScheduleError, Trigger, fires, never_fires, next_fire, parse

NOW = datetime(2026, 1, 1, 12, 34, 56, 789, tzinfo=UTC)  # a Thursday
EARLIEST = datetime.fromisoformat("1971-01-01")
LATEST = datetime.fromisoformat("2090-01-01")


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("30 2 * * *", "2026-01-02 02:30:00", "2026-01-03 02:30:00"),
        ("*/20 * * * *", "2026-01-01 12:40:00", "2026-01-01 13:00:00"),
        ("0 9-17/4 * * mon-fri", "2026-01-01 13:00:00", "2026-01-01 17:00:00"),
        ("0 0 1 JAN *", "2027-01-01 00:00:00", "2028-01-01 00:00:00"),
        ("0 0 L * *", "2026-01-31 00:00:00", "2026-02-28 00:00:00"),
        ("0 0 LW * *", "2026-01-30 00:00:00", "2026-02-27 00:00:00"),
        ("0 0 * * 5L", "2026-01-30 00:00:00", "2026-02-27 00:00:00"),
        ("0 0 * * MON#2", "2026-01-12 00:00:00", "2026-02-09 00:00:00"),
        ("0 0 * * 1#1,5#3", "2026-01-05 00:00:00", "2026-01-16 00:00:00"),
        ("0 0 * * 7", "2026-01-04 00:00:00", "2026-01-11 00:00:00"),
        ("0 0 13 * 5", "2026-01-02 00:00:00", "2026-01-09 00:00:00"),
        ("0 0 */13 * 5", "2026-02-27 00:00:00", "2026-03-27 00:00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00:00", "2032-02-29 00:00:00"),
        ("0 0 29 2 */7", "2032-02-29 00:00:00", "2060-02-29 00:00:00"),
        ("0 0 31 * *", "2026-01-31 00:00:00", "2026-03-31 00:00:00"),
        ("@hourly", "2026-01-01 13:00:00", "2026-01-01 14:00:00"),
        ("@daily", "2026-01-02 00:00:00", "2026-01-03 00:00:00"),
        ("@midnight", "2026-01-02 00:00:00", "2026-01-03 00:00:00"),
        ("@weekly", "2026-01-04 00:00:00", "2026-01-11 00:00:00"),
        ("@monthly", "2026-02-01 00:00:00", "2026-03-01 00:00:00"),
        ("@quarterly", "2026-04-01 00:00:00", "2026-07-01 00:00:00"),
        ("@Yearly", "2027-01-01 00:00:00", "2028-01-01 00:00:00"),
        ("@annually", "2027-01-01 00:00:00", "2028-01-01 00:00:00"),
        ("every 10 seconds", "2026-01-01 12:35:00", "2026-01-01 12:35:10"),
        ("every minute", "2026-01-01 12:35:00", "2026-01-01 12:36:00"),
        ("every 10 minutes", "2026-01-01 12:40:00", "2026-01-01 12:50:00"),
        ("every hour", "2026-01-01 13:00:00", "2026-01-01 14:00:00"),
        ("every day", "2026-01-02 00:00:00", "2026-01-03 00:00:00"),
        ("every 2 weeks", "2026-01-15 00:00:00", "2026-01-29 00:00:00"),
        ("every minute at :15", "2026-01-01 12:35:15", "2026-01-01 12:36:15"),
        ("every hour at :30", "2026-01-01 13:30:00", "2026-01-01 14:30:00"),
        ("every hour at 30:15", "2026-01-01 13:30:15", "2026-01-01 14:30:15"),
        ("every day at 02:30", "2026-01-02 02:30:00", "2026-01-03 02:30:00"),
        ("every day at 02:30:15", "2026-01-02 02:30:15", "2026-01-03 02:30:15"),
        ("every 3 days at 02:30", "2026-01-04 02:30:00", "2026-01-07 02:30:00"),
        ("every monday", "2026-01-05 00:00:00", "2026-01-12 00:00:00"),
        ("  Every   Monday at 03:00 ", "2026-01-05 03:00:00", "2026-01-12 03:00:00"),
    ],
)
def test_parse_schedule_fires_when_it_says(text: str, first: str, second: str) -> None:
    found = fires(parse(text), UTC, NOW, datetime(2100, 1, 1, tzinfo=UTC))
    assert [f"{next(found):%Y-%m-%d %H:%M:%S}", f"{next(found):%Y-%m-%d %H:%M:%S}"] == [first, second]


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        ("", "empty", "30 2 * * *"),
        ("x" * 300, "at most 256", "@daily"),
        ("3０ 2 * * *", "ASCII", "30 2"),
        ("0 0 30 2 *", "never fires", "L for the last"),
        ("0 0 31 4,6,9,11 *", "never fires", "L for the last"),
        ("0 0 */16 * 1#5", "never fires", "choose a day"),
        ("0 30 2 * * *", "five fields, and this one has six", '"30 2 * * *"'),
        ("30 2 * *", "five fields, and this one has 4", "minute, hour"),
        ("61 * * * *", 'minute field "61"', "0 to 59"),
        ("* 24 * * *", 'hour field "24"', "0 to 23"),
        ("0 22-2 * * *", 'hour field "22-2" runs backwards', '"22-23,0-2"'),
        ("0 0 * * sat-mon", 'day-of-week field "sat-mon" runs backwards', '"sat,sun,mon"'),
        ("0 0 * nov-feb *", 'month field "nov-feb" runs backwards', '"nov,dec,jan,feb"'),
        ("0 0 0 * *", 'day-of-month field "0"', "1 to 31"),
        ("0 0 ? * 1", 'day-of-month field "?"', '"*" instead of "?"'),
        ("0 0 * * FRIL", 'day-of-week field "FRIL"', "5L"),
        ("0 0 * * 1#6", "day-of-week", "1#2"),
        ("*/0 * * * *", "minute field", "*/10"),
        ("*/90 * * * *", "never gets past its first value", "every 90 minutes"),
        ("0 0 L/2 * *", "a step means nothing", '"L" alone'),
        ("@reboot", "by the clock", "@daily"),
        ("@dayly", "no name of a schedule", '"@daily"'),
        ("daily", "not a schedule", '"@daily"'),
        ("sometimes", "not a schedule", "@daily"),
        ("10 minutes", 'begins with "every"', "every 10 minutes"),
        ("every", "names no unit", "every 10 minutes"),
        ("every 0 minutes", "never ends", "every 10 minutes"),
        ("every -5 minutes", "not a phrase", "every 10 minutes"),
        ("every dya", '"dya"', '"day"'),
        ("every weekday at 03:00", '"weekday"', "0 3 * * 1-5"),
        ("every quarter", '"quarter"', "@quarterly"),
        ("every 2 minute", "2 are more", '"every 2 minutes"'),
        ("every 2 monday", "once a week", '"every 2 weeks"'),
        ("every week at 03:00", '"at" cannot follow "week"', "every monday at 03:00"),
        ("every second at :15", '"at" cannot follow "second"', 'leave "at" out'),
        ("every 10 minutes at :30", "an interval of 10 minutes", 'leave "at" out'),
        ("every day at 2:30", "not a time", "02:30"),
        ("every day at 24:00", "not a time", "00:00"),
        ("every day at 25:00", "not a time", "02:30"),
        ("every hour at 02:30:00", "not a time", ":30"),
        ("every day at 02:30 and 14:30", "not a phrase", "cron line"),
        ("every 5 to 10 minutes", "random", "every 10 minutes"),
        ("every 99999999999999999999 weeks", "ten years", "@yearly"),
        ("every do", '"do"', '"every day at 02:30"'),
        ("every run", '"run"', '"every day at 02:30"'),
    ],
)
def test_parse_mistake_says_what_is_wrong_and_what_would_be_right(text: str, wrong: str, right: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse(text)
    assert wrong in caught.value.message
    assert right in caught.value.suggestion


@pytest.mark.parametrize("text", ["9" * 255, "0 0 1 1 " + "#" * 240, "every " + "9" * 240, ",".join("1" * 100)])
def test_parse_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse(text)


def terms(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    spans = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.one_of(st.just("*"), spans), st.integers(1, high - low or 1)).map(lambda p: f"{p[0]}/{p[1]}")
    return st.lists(st.one_of(number.map(str), spans, steps), min_size=1, max_size=3).map(",".join)


stars = st.just("*")
cron_lines = st.tuples(
    st.one_of(stars, terms(0, 59)),
    st.one_of(stars, terms(0, 23)),
    st.one_of(stars, terms(1, 31), st.sampled_from(["L", "LW", "L,15"])),
    st.one_of(stars, terms(1, 12), st.sampled_from(["JAN", "feb-apr", "2"])),
    st.one_of(stars, terms(0, 7), st.sampled_from(["MON", "tue-fri", "5L", "1#2", "SUN#5", "3#1,6L"])),
).map(" ".join)


@given(cron_lines, st.datetimes(EARLIEST, LATEST))
@example("0 0 29 2 1", NOW.replace(tzinfo=None))
@example("0 0 * 2 MON#5", NOW.replace(tzinfo=None))
@settings(max_examples=400, deadline=None)
def test_cron_line_without_clock_changes_fires_as_cronsim_says(line: str, after: datetime) -> None:
    after = after.replace(microsecond=0, tzinfo=UTC)
    try:
        trigger = parse(line)
    except ScheduleError:
        with pytest.raises((CronSimError, StopIteration)):
            next(CronSim(line, after))
        return
    theirs = CronSim(line, after)
    for _ in range(5):
        after = next(theirs)
        assert next_fire(trigger, UTC, after - timedelta(seconds=1)) == after


words = (
    "every",
    "1",
    "2",
    "10",
    "0",
    "-1",
    "day",
    "days",
    "hour",
    "hours",
    "minute",
    "seconds",
    "week",
    "weeks",
    "monday",
)
phrases = st.lists(st.sampled_from((*words, "sunday", "at", "02:30", ":30", "24:00", "to", "until")), max_size=6).map(
    " ".join
)
cronish = st.lists(st.text("0123456789*/-,#LWlwMONJANsun?@:", min_size=1, max_size=6), min_size=1, max_size=7).map(
    " ".join
)


@given(st.one_of(phrases, phrases.map(lambda words: f"every {words}"), cronish, st.text(max_size=40), cron_lines))
@settings(max_examples=1500, deadline=500)
def test_parse_any_text_is_refused_with_a_suggestion_or_fires(text: str) -> None:
    try:
        trigger = parse(text)
    except ScheduleError as refused:
        answers = [refused.message, refused.suggestion]
    else:
        check_fires(trigger)
        answers = []
    assert all(answers)


def check_fires(trigger: Trigger) -> None:
    assert isinstance(trigger, Cron | Every)
    assert not never_fires(trigger)
    first = next_fire(trigger, UTC, NOW)
    assert first is not None
    assert NOW < first < NOW + timedelta(days=41 * 366)
