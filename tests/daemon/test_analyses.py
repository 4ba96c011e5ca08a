from __future__ import annotations

from pathlib import Path

import pytest

from agent.daemon.analyses import Analyses
from agent.daemon.reacting import Reaction
from agent.daemon.recorder import Recorder
from agent.daemon.thresholds import Thresholds
from agent.engine.submit import submit
from agent.errors import PolicyError
from agent.metrics import Metrics
from agent.model.policies import PolicySet
from agent.model.runs import Origin, Run
from agent.model.settings import SampleSettings
from agent.model.signals import Sample, Verdict, labels
from agent.policy.load import load
from agent.probes.catalogue import SIGNALS
from agent.store import Store
from tests.fakes import task
from tests.metrics.full import numbers

KEEP = SampleSettings(raw=3600.0, kept=86400.0, series=100)
POLICY = """version: 1
tasks:
  watch-logs:
    schedule: "every 10 minutes"
    action: logs.analyze
    with: {files: [/var/log/app.log]}
thresholds:
  errors:
    signal: watch-logs.messages
    labels: {level: error}
    above: 10
  kinds:
    signal: watch-logs.templates
    above: 1000
"""


def ended(store: Store, name: str, action: str) -> Run:
    """Return the record of a run."""
    run = submit(store, task(name, action=action), policy="p", origin=Origin.SCHEDULE, due=1.0, now=1.0)
    assert run is not None
    return run


def policies(tmp_path: Path, text: str = POLICY) -> PolicySet:
    directory = tmp_path / "policies"
    directory.mkdir(exist_ok=True, mode=0o755)
    (directory / "policy.yaml").write_text(text)
    return load(str(directory), SIGNALS, ("logs.analyze",), root=False)


def test_analyses_judge_the_numbers_of_a_run_that_ended_once(tmp_path: Path) -> None:
    found = policies(tmp_path)
    heard: list[Reaction] = []
    with Store(str(tmp_path / "state")) as store:
        metrics = Metrics(SIGNALS, "1", 0.0)
        thresholds = Thresholds(store, lambda: pytest.fail("nothing of the host is asked for"), 10.0)
        thresholds.put_in_force(found, 100.0)
        analyses = Analyses(store, metrics, thresholds, Recorder(store, KEEP), heard.extend)
        analyses.put_in_force(found)
        run = ended(store, "watch-logs", "logs.analyze")
        store.findings.measured(
            "watch-logs", 100.0, [Sample("messages", labels({"level": "error"}), 11.0), Sample("templates", (), 5.0)]
        )
        analyses.ended(run, 101.0)
        analyses.ended(run, 102.0)
        assert [reaction.threshold for reaction in heard] == ["errors"]
        (state,) = thresholds.states["kinds"].values()
        assert state.verdict is Verdict.PASS
        shown = numbers(metrics)
        assert shown['hostkeeper_task_value{level="error",signal="messages",task="watch-logs"}'] == 11
        again = Metrics(SIGNALS, "1", 0.0)
        Analyses(store, again, thresholds, Recorder(store, KEEP), heard.extend).put_in_force(found)
        assert numbers(again)['hostkeeper_task_value{signal="templates",task="watch-logs"}'] == 5


def test_analyses_of_other_tasks_are_none(tmp_path: Path) -> None:
    heard: list[Reaction] = []
    with Store(str(tmp_path / "state")) as store:
        metrics = Metrics(SIGNALS, "1", 0.0)
        thresholds = Thresholds(store, lambda: pytest.fail("nothing of the host is asked for"), 10.0)
        run = ended(store, "watch-logs", "command.run")
        Analyses(store, metrics, thresholds, Recorder(store, KEEP), heard.extend).ended(run, 1.0)
    assert heard == []


def test_analyses_that_cannot_be_read_keep_no_policies_out_of_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = policies(tmp_path)
    with Store(str(tmp_path / "state")) as store:
        metrics = Metrics(SIGNALS, "1", 0.0)
        thresholds = Thresholds(store, lambda: pytest.fail("nothing of the host is asked for"), 10.0)
        analyses = Analyses(store, metrics, thresholds, Recorder(store, KEEP), lambda _: None)
        store.findings.measured("watch-logs", 100.0, [Sample("templates", (), 5.0)])
        store.connection.rows("UPDATE readings SET body = body || ' '")
        analyses.put_in_force(found)
        assert not [name for name in numbers(metrics) if "watch-logs" in name]
    assert "what watch-logs has found out cannot be told" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "right"),
    [
        ("watch-logs.messages", "watch-logs.message", "watch-logs.messages"),
        ("level: error", "state: error", "level"),
        ("watch-logs.templates", "watch.templates", "watch-logs.templates"),
    ],
)
def test_threshold_on_a_signal_that_a_task_does_not_give_is_a_mistake(
    old: str, new: str, right: str, tmp_path: Path
) -> None:
    with pytest.raises(PolicyError, match=right):
        policies(tmp_path, POLICY.replace(old, new))
