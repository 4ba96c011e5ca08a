"""`hostkeeper selftest`: everything that ought to answer is asked, and what does not is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.engine.proofs import Proof, keep, proofs
from agent.store import Store
from tests.system.agent import AgentUnderTest, agent_in, wait_for

POLICY = """version: 1
tasks:
  cool: {action: command.run, with: {command: [touch, PLACE/cooled]}}
probes:
  nobody: {tcp: {host: 127.0.0.1, port: 1}, every: 15s}
thresholds:
  full: {signal: disk.used_percent, labels: {mountpoint: /}, above: 5, for: 10m, run: [cool], severity: critical}
  falling: {signal: memory.available_bytes, below: -1, change: {over: 1h, per: 1h}}
  slow: {signal: nobody.latency_seconds, above: 1}
"""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentUnderTest]:
    with agent_in(tmp_path) as made:
        made.policy(POLICY.replace("PLACE", str(tmp_path)))
        yield made


def tried(agent: AgentUnderTest, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = agent.command("selftest", "--json", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, {one["threshold"]: one for one in json.loads(done.stdout)}


def test_threshold_that_works_passes_and_nothing_is_touched(agent: AgentUnderTest) -> None:
    code, found = tried(agent, "full", "falling")
    assert code == 0
    assert found["full"]["answered"].keys() == {"probe", "condition", "reaction", "notifier"}
    assert found["full"]["answered"]["reaction"] == "made a run of cool, an incident"
    assert found["full"]["answered"]["condition"].startswith("fired after 600 s and cleared after")
    assert not (agent.place / "cooled").exists()
    assert not agent.state.exists()


def test_probe_that_has_no_number_fails_its_threshold_and_no_other(agent: AgentUnderTest) -> None:
    code, found = tried(agent)
    assert code == 9
    assert {name: one["passed"] for name, one in found.items()} == {"falling": True, "full": True, "slow": False}
    assert found["slow"]["failed"].keys() == {"probe"}
    assert found["slow"]["failed"]["probe"].startswith("nobody.latency_seconds has no number: ")
    assert "condition" in found["slow"]["answered"]


def test_probe_that_counts_between_two_measurements_is_measured_twice(agent: AgentUnderTest) -> None:
    (agent.place / "app.log").write_text("one\n")
    log = f"{{log: {{files: [{agent.place}/app.log], match: [ERROR]}}, every: 15s}}"
    agent.policy(
        f"version: 1\nprobes: {{app: {log}}}\nthresholds: {{noisy: {{signal: app.matches_per_second, above: 1}}}}\n"
    )
    code, found = tried(agent)
    assert (code, found["noisy"]["answered"]["probe"]) == (0, "app.matches_per_second is 0")


def test_notifier_that_does_not_deliver_fails_its_threshold(agent: AgentUnderTest) -> None:
    text = POLICY.replace("PLACE", str(agent.place)).replace("severity: critical", "notify: [ops]")
    (agent.place / "url").write_text("http://127.0.0.1:1/")
    (agent.place / "url").chmod(0o600)
    agent.policy(f"{text}notifiers: {{ops: {{webhook: {{url_file: {agent.place}/url}}}}}}\n")
    code, found = tried(agent, "full")
    assert code == 9
    assert found["full"]["failed"].keys() == {"notifier"}
    assert "ops: " in found["full"]["failed"]["notifier"]
    assert "a notice for ops" in found["full"]["answered"]["reaction"]
    assert tried(agent, "full", "--no-send")[1]["full"]["failed"] == {"notifier": "ops: not tried: --no-send"}


def test_last_trial_of_each_threshold_is_in_the_metrics(agent: AgentUnderTest) -> None:
    agent.start()
    assert tried(agent)[0] == 9
    assert wait_for(lambda: agent.metric('hostkeeper_selftest_passed{threshold="full"}')) == 1
    assert agent.metric('hostkeeper_selftest_passed{threshold="slow"}') == 0
    with Store(str(agent.state), read_only=True) as store:
        at = proofs(store)["full"].at
    assert agent.metric('hostkeeper_selftest_timestamp_seconds{threshold="full"}') == at


def test_trials_of_thresholds_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store:
        keep(store, [("a", Proof(1.0, {})), ("b", Proof(2.0, {"probe": "no number"}))], {"a", "b"})
        keep(store, [("c", Proof(3.0, {}))], {"b", "c"})
        assert proofs(store) == {"b": Proof(2.0, {"probe": "no number"}), "c": Proof(3.0, {})}
        store.facts.set("selftest", {"b": "of another version"})
        assert proofs(store) == {}


def test_selftest_of_an_unknown_threshold_or_of_none_says_so(agent: AgentUnderTest) -> None:
    done = agent.command("selftest", "ful")
    assert (done.returncode, "did you mean full?" in done.stderr) == (8, True)
    agent.policy("version: 1\n")
    done = agent.command("selftest")
    assert (done.returncode, "there is no threshold to try" in done.stderr) == (8, True)
