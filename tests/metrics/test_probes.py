from __future__ import annotations

from agent.metrics import Metrics, ProbeFacts, ProberFacts
from tests.metrics.full import empty_metrics, numbers


def facts(**values: float) -> ProbeFacts:
    return ProbeFacts(name="home", kind="http", samples=tuple((what, (), v) for what, v in values.items()), error=False)


def with_home() -> Metrics:
    metrics = empty_metrics()
    metrics.probes({"home": "http"})
    metrics.probe(facts(up=1, duration_seconds=0.3, latency_seconds=0.25), 0.002)
    return metrics


def test_probe_shows_what_it_measured_last_and_nothing_older() -> None:
    metrics = with_home()
    assert numbers(metrics)['hostkeeper_probe_http_latency_seconds{probe="home"}'] == 0.25
    metrics.probe(facts(up=0, duration_seconds=0.1), 0.002)
    shown = numbers(metrics)
    assert shown['hostkeeper_probe_up{probe="home"}'] == 0
    assert not any("latency" in name for name in shown if "lateness" not in name)
    assert shown['hostkeeper_probe_results_total{outcome="value",probe="home"}'] == 1
    assert shown['hostkeeper_probe_results_total{outcome="no data",probe="home"}'] == 1


def test_probe_that_is_no_longer_in_force_is_no_longer_shown() -> None:
    metrics = with_home()
    metrics.probes({})
    assert not [name for name in numbers(metrics) if 'probe="home"' in name]


def test_lateness_is_counted_in_buckets() -> None:
    metrics = with_home()
    metrics.probe(facts(up=1), 0.3)
    metrics.probe(facts(up=1), 60.0)
    shown = numbers(metrics)
    buckets = {
        name: shown[f'hostkeeper_probe_lateness_seconds_bucket{{le="{name}"}}'] for name in ("0.005", "0.5", "+Inf")
    }
    assert buckets == {"0.005": 1, "0.5": 2, "+Inf": 3}
    assert shown["hostkeeper_probe_lateness_seconds_count"] == 3


def test_prober_shows_what_hangs_and_what_it_takes() -> None:
    metrics = empty_metrics()
    metrics.prober(ProberFacts(hung=1, restarts=2, cpu_seconds=3.5, resident=1024))
    shown = numbers(metrics)
    assert shown["hostkeeper_probes_hung"] == 1
    assert shown["hostkeeper_prober_restarts_total"] == 2


def test_series_whose_own_label_is_called_as_ours_keeps_both() -> None:
    metrics = empty_metrics()
    metrics.probes({"asked": "prometheus", "read": "textfile"})
    for name, kind in (("asked", "prometheus"), ("read", "textfile")):
        samples = tuple(("value", (("probe", other),), 1.0) for other in ("home", "shop"))
        metrics.probe(ProbeFacts(name=name, kind=kind, samples=samples, error=False), None)
    shown = numbers(metrics)
    for other in ("home", "shop"):
        assert shown[f'hostkeeper_probe_prometheus_value{{exported_probe="{other}",probe="asked"}}'] == 1
        assert shown[f'hostkeeper_probe_value{{exported_probe="{other}",probe="read",signal="value"}}'] == 1
