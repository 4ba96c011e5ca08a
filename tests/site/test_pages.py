"""What the pages say, whatever is in the store."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from agent.engine.in_force import in_force
from agent.engine.submit import pending_run
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState, StepState
from agent.probes.catalogue import SIGNALS
from agent.site import signals as signal_page
from agent.site.child import asked
from agent.store import Store
from tests.fakes import task
from tests.site.big import NOW, policy_text, put_policies, put_runs
from tests.site.pages import BERLIN, look

VIEWS = ("", "view=tasks", "view=calendar", "view=history", "view=signals")
HOSTILE = "</td><script>alert(1)</script>\" onload='x' &amp; \u202egpj.exe \x1b[31m"
BUDGET = 50_000

POLICY = """version: 1
windows:
  nightly: {opens: "0 2 * * *", lasts: 1h, timezone: Europe/Berlin}
tasks:
  backup: {schedule: "30 1 * * *", window: nightly, action: command.run, with: {command: [secret-program, hush]}}
  after: {schedule: "@daily", needs: [backup], action: command.run, with: {command: ["true"]}}
  often: {schedule: "every 1 minutes", action: command.run, with: {command: ["true"]}}
  off: {enabled: false, schedule: "@daily", action: command.run, with: {command: ["true"]}}
  asked: {action: command.run, with: {command: ["true"]}}
thresholds:
  full: {signal: disk.used_percent, labels: {mountpoint: /}, above: 90, for: 10m, severity: critical}
  busy: {signal: cpu.used_percent, outside: [1, 95]}
"""


def put_run(store: Store, name: str = "backup", state: RunState = RunState.FAILED, **changes: object) -> int:
    """Write a run that began an hour ago and, unless it is at work, ended a minute later."""
    began = NOW - 3600
    run = pending_run(task(name), policy="p" * 64, origin=Origin.SCHEDULE, due=began, now=began)
    ended = None if state in (RunState.PENDING, RunState.RUNNING) else began + 60
    number = store.runs.create(
        replace(run, **{"state": state, "started": began, "ended": ended, "attempt": 1, **changes})
    )
    assert number is not None
    return number


def put_failure(store: Store, name: str, detail: str, *, cause: str = "", **said: Any) -> int:
    """Write a run whose one step failed, with texts of the test's in every place that has one."""
    run = put_run(store, name, RunState.RUNNING, cause=cause)
    step = {"step": name, "facts": {name: name}, "error": name, "output": name, **said}
    store.steps.write(run, 0, step.pop("step"), StepState.FAILED, started=NOW, **step)
    store.runs.advance(run, RunState.RUNNING, RunState.FAILED, why=Reason.STEP_FAILED, detail=detail, ended=NOW - 60)
    return run


@pytest.mark.parametrize("query", VIEWS)
def test_page_of_an_empty_store_is_whole(store: Store, query: str) -> None:
    page = look(store, query)
    assert page.status == 200
    assert "This cannot be shown" not in page.text
    assert page.headings[0] == 1
    assert len(page.names) == len(set(page.names))


def test_page_of_an_empty_store_says_what_there_is_none_of(store: Store) -> None:
    text = look(store).text
    for sentence in ("Nothing has run yet", "No policy has a task", "No policy has a threshold", "not running"):
        assert sentence in text
    assert "All is well" not in text


@pytest.mark.parametrize("query", [*VIEWS, "task=task-0007", "run=5000", "view=tasks&page=9", "view=history&before=70"])
def test_page_of_a_thousand_tasks_and_ten_thousand_runs_is_light(big: Store, query: str) -> None:
    page = look(big, query)
    assert page.status == 200
    assert "This cannot be shown" not in page.text
    assert page.bytes < BUDGET, query


@pytest.mark.parametrize(
    "midnight",
    [
        datetime(2026, 3, 25, 0, 7, tzinfo=BERLIN),  # the day on which the clocks are set ahead is the last one shown
        datetime(2026, 9, 2, 1, 7, tzinfo=BERLIN),  # a Wednesday in September has the longest name
        datetime(2026, 10, 24, 1, 7, tzinfo=BERLIN),  # the clocks are set back
        datetime(2026, 12, 31, 0, 7, tzinfo=BERLIN),
    ],
)
def test_calendar_is_light_right_after_midnight_when_most_is_to_come(full_week: Store, midnight: datetime) -> None:
    for query in ("", "view=calendar"):
        page = look(full_week, query, now=midnight.timestamp())
        assert page.status == 200
        assert page.bytes < 0.9 * BUDGET, query


def test_pages_of_many_tasks_lead_to_every_task(store: Store) -> None:
    put_policies(store, {"p.yaml": policy_text(130)})
    found: set[str] = set()
    for number in range(1, 4):
        page = look(store, f"view=tasks&page={number}")
        found |= {way.removeprefix("?task=") for way in page.links if way.startswith("?task=")}
        assert (f"?view=tasks&page={number + 1}" in page.links) is (number < 3)
    assert found == {f"task-{number:04}" for number in range(130)}


def test_pages_of_the_history_lead_back_to_the_first_run(store: Store) -> None:
    put_policies(store, {"p.yaml": policy_text(3)})
    put_runs(store, in_force(store, SIGNALS).tasks, 150)
    found: list[str] = []
    query = "view=history"
    while query:
        page = look(store, query)
        found += [way.removeprefix("?run=") for way in page.links if way.startswith("?run=")]
        older = [way[1:] for way in page.links if "before=" in way and way[1:] != query]
        query = older[0] if older else ""
    assert found == [str(number) for number in range(150, 0, -1)]


def test_every_link_leads_to_a_page(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    put_run(store)
    to_see, seen = {""}, set()
    while to_see:
        query = to_see.pop()
        seen.add(query)
        page = look(store, query)
        assert page.status == 200, query
        ways = {way.removeprefix("?").removeprefix("./") for way in page.links if not way.startswith("#")}
        to_see |= ways - seen
    assert {"task=backup", "run=1", "view=calendar", "refresh=30"} <= seen


def test_hostile_names_are_text_everywhere(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    run = put_failure(store, HOSTILE, HOSTILE, cause=HOSTILE)
    put_run(store, HOSTILE, RunState.PENDING, due=NOW)
    store.holds.place(HOSTILE, Reason.BREAKER_OPEN, HOSTILE, NOW)
    policies = {"valid": False, "digest": "0" * 64, "files": 1, "mistakes": [HOSTILE]}
    store.facts.set("daemon", {"pid": 1, "pid_started": 0.0, "boot": "", "started": NOW, "policies": policies})
    for query in (*VIEWS, f"run={run}", f"task={HOSTILE}", f"view={HOSTILE}", f"{HOSTILE}={HOSTILE}"):
        page = look(store, query)
        assert "script" not in page.tags
        assert "<script" not in page.document
        assert "\x1b" not in page.document
        assert "\u202e" not in page.document
    assert page.status == 200
    assert "alert(1)" in look(store).text
    assert "\\u202egpj.exe" in look(store, f"run={run}").text


def test_what_a_command_printed_and_what_it_is_told_is_not_shown(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    said = "run: the command exited with code 3; its last words:\nthe password is hush"
    run = put_failure(store, "backup", said, step="run", facts={"exit_code": 3}, error="hush", output="hush")
    for query in (*VIEWS, f"run={run}", "task=backup"):
        text = look(store, query).document
        assert "hush" not in text
        assert "secret-program" not in text
    assert "the command exited with code 3 (all of it: " in look(store, f"run={run}").text.replace("  ", " ")
    assert "exit code 3" in look(store, f"run={run}").text


@pytest.mark.parametrize(
    "query", ["task=nobody", "run=99", "run=x", "run=", "run=-1", "view=nothing", "run=" + "9" * 30]
)
def test_page_about_nothing_known_is_not_found(store: Store, query: str) -> None:
    page = look(store, query)
    assert page.status == (200 if query == "run=" else 404)


def test_address_without_sense_asks_for_nothing() -> None:
    assert asked("&".join(f"a{number}=1" for number in range(50))) == {}
    assert asked("task=%ff%00&x") == {"task": "\ufffd\0"}


def test_page_is_loaded_again_only_when_that_is_asked_for(store: Store) -> None:
    assert 'http-equiv="refresh"' not in look(store).document
    assert 'http-equiv="refresh" content="30"' in look(store, "refresh=30").document
    for senseless in ("refresh=0", "refresh=9", "refresh=99999", "refresh=0;url=//evil", "refresh=-5"):
        assert 'http-equiv="refresh"' not in look(store, senseless).document


def test_part_that_cannot_be_drawn_says_so_and_leaves_the_others(
    store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    put_policies(store, {"p.yaml": POLICY})
    damaged = put_run(store)
    for _ in range(3):
        put_run(store, state=RunState.SUCCEEDED, due=NOW - 3600 + store.runs.last_id())
    store.connection.rows("UPDATE runs SET detail = 'edited' WHERE id = ?", (damaged,))
    page = look(store)
    assert page.status == 200
    assert page.text.count("This cannot be shown") == 2, "the history and the last runs"
    assert "damaged" in page.text
    assert "Thresholds" in page.text
    assert "status page: History" in capfd.readouterr().err


def test_store_that_cannot_be_read_is_told(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    store.connection.rows("UPDATE fragments SET body = '{}'")
    page = look(store)
    assert page.status == 503
    assert "The store cannot be read" in page.text


def test_overview_says_what_ran_failed_waits_and_is_held(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    put_run(store, why=Reason.STEP_FAILED, detail="run: exited with code 3")
    put_run(store, "often", RunState.RUNNING)
    put_run(store, "after", RunState.PENDING)
    store.holds.place("asked", Reason.BREAKER_OPEN, "asked ran 3 times", NOW - 60)
    text = " ".join(look(store).text.split())
    assert "3 things need attention" in text, "the agent, the run, the hold"
    assert "backup : #1 ended failed, step failed: run: exited with code 3" in text
    assert "A task that it needs did not succeed" in text
    assert "hostkeeper release-hold asked" in text


def test_thresholds_are_shown_with_where_they_stand(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    firing = {"verdict": "fail", "since": NOW - 900, "fired_at": NOW - 300, "violations": 9, "value": 95.0}
    store.conditions.set({'["full",[["mountpoint","/"]]]': json.dumps(firing), '["gone",[]]': json.dumps(firing)})
    text = " ".join(look(store).text.split())
    assert "full disk used / ▲ firing 5m00s ago unknown above 90 % for 10m" in text
    assert "busy cpu used ? unknown unknown outside 1.0 % to 95 %" in text
    assert "gone" not in text


def test_calendar_says_what_holds_runs_back(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    text = " ".join(look(store, "view=calendar").text.split())
    assert "02:00 backup 01:30 window closed (nightly)" in text
    assert "00:00 after 00:00 after backup" in text
    assert "skipped off 00:00 disabled" in text
    assert "and more of often" in text, "its due times are not all looked at"


def test_calendar_says_skipped_only_of_what_will_not_run(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    for number in range(5):
        put_run(store, state=RunState.SUCCEEDED, due=NOW - number, started=NOW - 9000)
    text = " ".join(look(store, "view=calendar").text.split())
    assert "waits backup 01:30 will not fit (nightly)" in text
    assert "waits after 00:00 needs waiting (backup)" in text
    assert "0 runs, 2 skipped, 1 waiting" in text


def test_calendar_of_a_day_with_a_clock_change_stays_a_day(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    summer_begins = 1_774_735_200.0  # 2026-03-28 23:00 in Berlin; the next night has no 02:30
    page = look(store, "view=calendar", now=summer_begins)
    assert page.status == 200
    assert page.text.count("Sunday 29 March") == 1


def test_task_page_says_all_but_its_options(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY})
    for number in range(3):
        put_run(store, "after", RunState.SUCCEEDED, due=NOW - 9000 + number)
    text = " ".join(look(store, "task=after").text.split())
    for fact in ("Needs backup", "Schedule @daily", "the last 3 runs that succeeded took 1m00s to 1m00s", "p.yaml:6"):
        assert fact in text


@pytest.mark.parametrize(
    ("signal", "value", "text"),
    [
        ("cpu.used_percent", 7.26, "7.3 %"),
        ("cpu.used_percent", 93.4, "93 %"),
        ("memory.available_bytes", 1_234_567_890.0, "1.23 GB"),
        ("network.sent_bytes_per_second", 0.0, "0 B/s"),
        ("load.1m", 0.534, "0.534"),
        ("uptime.seconds", 90_000.0, "1d1h"),
        ("disk_io.reads_per_second", 12_345.0, "12.3 k/s"),
        ("temperature.celsius", 41.5, "41.5 °C"),
        ("nobody.knows", -1e15, "-1e+03 T"),
    ],
)
def test_quantity_has_its_unit(signal: str, value: float, text: str) -> None:
    assert signal_page.quantity(signal, value) == text


def test_thinned_numbers_keep_their_peaks_and_gaps() -> None:
    nan = float("nan")
    assert signal_page.thinned([1, 9, 2, nan, nan, nan], 3) == [9, 2, None]
    assert signal_page.thinned([1, 2], 3) == [1, 2]
    assert signal_page.thinned([], 3) == []
