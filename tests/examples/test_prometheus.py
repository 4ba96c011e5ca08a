"""examples/prometheus: accepted by the programs that read it, tested by promtool, and true of the metrics there are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.cli.parser import get_parser
from agent.metrics import families
from agent.metrics.families import Family, Kind
from agent.policy.normalise import normalise
from agent.policy.shape import Shapes
from agent.probes.catalogue import SIGNALS
from agent.schema import Schemas

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "prometheus"
TESTS = sorted(FOLDER.glob("*.test.yml"))
WAITING = {"hostkeeper_rollouts_total"}
"""Metrics of what the agent does not do yet; a rule that asks for one says so."""

SUFFIXES = {Kind.COUNTER: ("_total",), Kind.INFO: ("_info",), Kind.HISTOGRAM: ("_bucket", "_count", "_sum")}


def known_metrics() -> set[str]:
    ours = [value for value in vars(families).values() if isinstance(value, Family)]
    ours += [families.family_of(spec) for spec in SIGNALS.values()]
    return {family.name + suffix for family in ours for suffix in SUFFIXES.get(family.kind, ("",))}


def asked_for(text: str) -> set[str]:
    """Return the metrics of ours in a text, but not what recording rules make of them."""
    return set(re.findall(r"(?<![\w:])hostkeeper_[a-z0-9_]+(?![\w:])", text))


def alerts() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]:
        yield from group["rules"]


def judged(*command: str) -> None:
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_accepts_its_configuration_and_the_rules() -> None:
    judged("promtool", "check", "config", "prometheus.yml")
    judged("promtool", "check", "rules", "--lint=all", "--lint-fatal", "recording.yml", "alerts.yml")


def test_alertmanager_accepts_its_configuration() -> None:
    judged("amtool", "check-config", "alertmanager.yml")


@pytest.mark.parametrize("file", TESTS, ids=lambda path: path.name)
def test_rules_do_what_their_tests_say(file: Path) -> None:
    judged("promtool", "test", "rules", file.name)


def test_every_alert_is_tested_where_it_fires_and_where_it_does_not() -> None:
    cases = [
        case
        for file in TESTS
        for test in yaml.safe_load(file.read_text())["tests"]
        for case in test.get("alert_rule_test", ())
    ]
    names = {alert["alert"] for alert in alerts()}
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == names
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == names


def test_every_metric_that_is_asked_for_exists_or_waits_for_its_time() -> None:
    for name in ("recording.yml", "alerts.yml"):
        assert asked_for((FOLDER / name).read_text()) <= known_metrics() | WAITING
    assert not WAITING & known_metrics()


def test_every_alert_says_what_to_do_next_with_commands_that_exist() -> None:
    commands = next(action for action in get_parser()._actions if action.choices and "check" in action.choices).choices
    for alert in alerts():
        assert set(alert["annotations"]) == {"summary", "description", "next"}
        assert alert["labels"]["severity"] in ("warning", "critical")
        named = re.findall(r"`hostkeeper ([a-z-]+)", alert["annotations"]["next"])
        assert set(named) <= set(commands or ())


def test_web_configuration_is_of_the_right_form() -> None:
    shape = Shapes(Schemas(), ()).web()
    values = yaml.safe_load((FOLDER / "web.yml").read_text())
    assert shape.accepts(values)
    assert normalise(shape.plan, values, [])["tls_server_config"]["min_version"] == "TLS12"
