"""What was measured and what fills up, on the command line."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from array import array
from pathlib import Path

import pytest
from PIL import Image

from agent.cli.chart import Canvas, drawn
from agent.engine.capacity import curve
from agent.errors import ExitCode
from agent.model.signals import ConditionState, Points
from agent.report.picture import HEAD, PANEL, WIDTH
from agent.rules.capacity import Key, Outlook
from agent.rules.condition_json import load_state
from agent.rules.forecast import Subject, forecast
from agent.store import Store
from agent.store.blocks import Block
from tests.cli.policy import good
from tests.rules.histories import DAY, T0, flat, history, leak, together
from tests.system.agent import AgentUnderTest, wait_for

ROOT: Key = ("disk.used_percent", (("mountpoint", "/"),))
LEAK = history(together(flat(40), leak(2)), 31, 1, 0.3)


def measured(agent: AgentUnderTest, key: Key = ROOT) -> None:
    """Let a leak of 25 days end now, as raw numbers."""
    points = LEAK.until(25)
    later = time.time() - 600 - points.times[-1]
    with Store(str(agent.state)) as store:
        number = store.samples.add(key, time.time())
        times = array("d", [at + later for at in points.times])
        store.samples.write([Block(times, {number: array("d", points.high)})])


def size(path: Path) -> tuple[int, int]:
    """Return the size of a PNG that is whole."""
    with Image.open(path, formats=["PNG"]) as image:
        image.load()
        return image.size


def test_capacity_names_the_days_left_draws_them_and_writes_a_page(agent: AgentUnderTest) -> None:
    assert "no samples yet" in good(agent.command("capacity"))
    measured(agent)
    text = good(agent.command("capacity"))
    assert 'disk.used_percent{mountpoint="/"}' in text
    assert "growing" in text
    (found,) = json.loads(good(agent.command("capacity", "--json")))
    assert found["state"] == "growing"
    assert found["soonest"] < found["days_left"] < found["latest"]
    assert abs(found["days_left"] - (LEAK.full - 25)) < 0.6
    page = agent.place / "page.html"
    assert [one["state"] for one in json.loads(good(agent.command("capacity", "-o", str(page), "--json")))] == [
        "growing"
    ]
    assert '<path class="shade"' in page.read_text()
    assert "days left" in page.read_text()
    assert agent.command("capacity", "swap").returncode == ExitCode.NOT_FOUND


def test_curves_are_drawn_to_a_file_by_capacity_and_by_the_report(agent: AgentUnderTest) -> None:
    path = agent.place / "curves.png"
    assert good(agent.command("capacity", "--png", str(path))) == ""
    assert size(path) == (WIDTH, HEAD + PANEL), "that there is nothing to draw stands there too"
    empty = path.read_bytes()
    measured(agent)
    measured(agent, ("disk.used_percent", (("mountpoint", "/<b>\n\x1b[31m"),)))
    assert good(agent.command("capacity", "--png", str(path))) == ""
    assert size(path) == (WIDTH, HEAD + 2 * PANEL)
    (found,) = json.loads(good(agent.command("capacity", '"/"', "--png", str(path), "--json")))
    assert found["state"] == "growing"
    assert size(path) == (WIDTH, HEAD + PANEL)
    assert path.read_bytes() != empty
    page, other = agent.place / "report.html", agent.place / "report.png"
    assert good(agent.command("report", "-o", str(page), "--png", str(other))) == ""
    assert size(other) == (WIDTH, HEAD + 2 * PANEL)
    assert page.read_text().count('<path class="shade"') == 2
    assert stat.S_IMODE(other.stat().st_mode) == 0o600


@pytest.mark.parametrize(("place", "why"), [("nowhere/curves.png", "No such file"), (".", "no regular file")])
def test_picture_that_cannot_be_written_says_where_and_names_the_option(
    agent: AgentUnderTest, place: str, why: str
) -> None:
    done = agent.command("capacity", "--png", str(agent.place / place))
    assert done.returncode == ExitCode.NOT_FOUND
    assert why in done.stderr
    assert "--png" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["capacity", "report"])
def test_picture_without_what_draws_it_says_what_to_install_and_writes_nothing(
    agent: AgentUnderTest, command: str
) -> None:
    path = agent.place / "curves.png"
    told = (command, "--png", str(path), "-o", str(agent.place / "page.html"), *agent.arguments)
    code = "import sys; sys.modules['PIL'] = None; from agent.__main__ import main; sys.exit(main())"
    done = subprocess.run((sys.executable, "-c", code, *told), capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.RUN_FAILED, done.stderr
    assert "apt install python3-pil" in done.stderr
    assert "hostkeeper[png]" in done.stderr
    assert not path.exists()
    assert not (agent.place / "page.html").exists()


def test_signals_are_listed_drawn_and_told_as_data(agent: AgentUnderTest) -> None:
    assert "no samples yet" in good(agent.command("signals"))
    measured(agent)
    text = good(agent.command("signals", "disk.used", "--since", "7d"))
    assert "until" in text
    assert 'disk.used_percent{mountpoint="/"}' in text
    (found,) = json.loads(good(agent.command("signals", "disk", "--since", "7d", "--json")))
    assert 160 <= len(found["points"]) <= 193
    assert found["points"][0].keys() == {"at", "seconds", "low", "mean", "high", "samples"}
    assert agent.command("signals", "nothing.like.it").returncode == ExitCode.NOT_FOUND
    assert agent.command("signals", "--since", "lately").returncode == ExitCode.USAGE


def test_curve_shows_history_line_interval_and_limit_in_whatever_the_terminal_knows() -> None:
    now = T0 + 25 * DAY
    subject = Subject(limit=100.0, empty=0.0)
    points = LEAK.until(25)
    picture = curve(Outlook(ROOT, subject, forecast(points, subject, now), points))
    wide = "\n".join(drawn(picture, plain=False))
    assert all(sign in wide for sign in "─·│")
    plain = "\n".join(drawn(picture, plain=True))
    assert plain.isascii()
    assert "*" in plain
    assert picture.start < now < picture.end


def test_canvas_draws_nothing_beyond_its_edges() -> None:
    canvas = Canvas(4, 2)
    canvas.through([(-1, 0.5), (0.0, 0.0), (1.0, 1.0), (2, 3)])
    canvas.sign(5, 5, "x")
    assert canvas.lines(plain=True) == ["   *", "*  *"]


def test_nothing_known_makes_an_empty_curve() -> None:
    subject = Subject(limit=100.0)
    nothing = Points((), (), (), (), (), ())
    picture = curve(Outlook(ROOT, subject, forecast(nothing, subject, T0), nothing))
    assert picture.shown == ()
    assert drawn(picture, plain=True)


def test_forecast_of_a_task_fires_a_threshold_and_is_a_finding(agent: AgentUnderTest) -> None:
    agent.policy("""version: 1
tasks:
  ahead: {action: capacity.forecast, with: {warn_within: 9d}}
thresholds:
  full-soon: {signal: ahead.days_left, labels: {mountpoint: /}, below: 6}
""")
    agent.start()
    wait_for(lambda: agent.facts().get("valid"))
    measured(agent)
    assert "state     succeeded" in good(agent.command("run", "ahead"))
    wait_for(lambda: "full-soon" in agent.log.read_text())
    states = wait_for(lambda: firing(agent))
    assert 4 < (states[0].value or 0) < 6
    agent.end()
    found = good(agent.command("findings"))
    assert "days are left" in found
    assert 'disk.used_percent{mountpoint="/"}' in found


def firing(agent: AgentUnderTest) -> list[ConditionState]:
    with Store(str(agent.state), read_only=True) as store:
        found = [load_state(text) for text in store.conditions.all().values()]
    return [state for state in found if state.fired_at is not None]
