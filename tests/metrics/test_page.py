"""The page as others read it: prometheus_client, promtool, gzip."""

from __future__ import annotations

import gzip
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, exposition
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics_exposition
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from agent.metrics import families
from agent.metrics.metrics import Metrics
from agent.model.signals import Sample, Sampling
from agent.probes.catalogue import SIGNALS
from agent.probes.offered import OFFERED
from tests.metrics.full import a_pass, empty_metrics, full_metrics, some_facts

FORMATS: dict[bool, tuple[Callable[[str], Iterable[Metric]], Callable[[CollectorRegistry], bytes]]] = {
    False: (parse_classic, exposition.generate_latest),
    True: (parse_openmetrics, openmetrics_exposition.generate_latest),
}
both_formats = pytest.mark.parametrize("openmetrics", [False, True], ids=["classic", "openmetrics"])


class Parsed:
    """A collector of what was parsed, so that prometheus_client can write it again."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return iter(self._metrics)


def written_again(page: bytes, openmetrics: bool) -> bytes:
    """Parse a page with prometheus_client, and have prometheus_client write what it understood."""
    parse, write = FORMATS[openmetrics]
    registry = CollectorRegistry()
    registry.register(Parsed(list(parse(page.decode()))))
    return write(registry)


@both_formats
def test_page_is_what_prometheus_client_would_write(openmetrics: bool) -> None:
    page = full_metrics().render(openmetrics=openmetrics, gzipped=False)
    assert written_again(page, openmetrics) == page


@both_formats
def test_page_stays_what_prometheus_client_would_write_when_numbers_change(openmetrics: bool) -> None:
    metrics = full_metrics()
    metrics.render(openmetrics=openmetrics, gzipped=False)
    for factor in (0.0, -1.0, 1e-9, 1e9, 1e300, 123456789.0, float("inf"), 3.0):
        metrics.signals(a_pass(factor), factor)
        page = metrics.render(openmetrics=openmetrics, gzipped=False)
        assert written_again(page, openmetrics) == page


@given(st.lists(st.tuples(st.text(max_size=20), st.floats(allow_nan=False)), unique_by=lambda row: row[0], max_size=5))
def test_any_label_and_number_are_what_prometheus_client_would_write(rows: list[tuple[str, float]]) -> None:
    metrics = empty_metrics()
    samples = [Sample("disk.free_bytes", (("mountpoint", label),), value) for label, value in rows]
    metrics.signals(Sampling(tuple(samples), {}), 0.0)
    for openmetrics in (False, True):
        page = metrics.render(openmetrics=openmetrics, gzipped=False)
        assert written_again(page, openmetrics) == page


@both_formats
def test_page_of_a_fresh_agent_is_valid(openmetrics: bool) -> None:
    page = empty_metrics().render(openmetrics=openmetrics, gzipped=False)
    assert written_again(page, openmetrics) == page


def test_page_is_clean_under_promtool() -> None:
    page = full_metrics().render(openmetrics=False, gzipped=False)
    judged = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
    assert (judged.returncode, judged.stdout, judged.stderr) == (0, b"", b"")


def test_full_page_has_every_family() -> None:
    page = full_metrics().render(openmetrics=True, gzipped=False).decode()
    shown = {line.split(" ")[2] for line in page.split("\n") if line.startswith("# TYPE ")}
    defined = {value.name for value in vars(families).values() if isinstance(value, families.Family)}
    of_signals = {families.family_of(spec).name for spec in SIGNALS.values()}
    of_probes = {
        families.family_of_probe(kind, OFFERED[kind].signals[what]).name
        for kind, what in (("http", "up"), ("http", "latency_seconds"), ("http", "status"))
    }
    assert shown | {families.SERIES_OMITTED.name} == defined | of_signals | of_probes


def test_every_family_has_a_name_and_a_sentence_of_its_own() -> None:
    defined = [value for value in vars(families).values() if isinstance(value, families.Family)]
    defined += map(families.family_of, SIGNALS.values())
    assert len({family.name for family in defined}) == len(defined)
    assert all(family.name.startswith("hostkeeper_") and family.help.endswith(".") for family in defined)


@both_formats
def test_gzipped_page_is_one_member_with_the_same_bytes(openmetrics: bool) -> None:
    metrics = full_metrics()
    gzipped = metrics.render(openmetrics=openmetrics, gzipped=True)
    plain = metrics.render(openmetrics=openmetrics, gzipped=False)
    assert gzip.decompress(gzipped) == plain
    decompressor = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    assert decompressor.decompress(gzipped) == plain
    assert (decompressor.eof, decompressor.unused_data) == (True, b"")
    assert len(gzipped) < len(plain) / 3


@both_formats
@pytest.mark.parametrize("gzipped", [False, True])
def test_unchanged_page_is_the_same_object(openmetrics: bool, gzipped: bool) -> None:
    metrics = full_metrics()
    page = metrics.render(openmetrics=openmetrics, gzipped=gzipped)
    metrics.signals(a_pass(), 0.0012)
    metrics.render(openmetrics=openmetrics, gzipped=gzipped)
    kept = metrics.render(openmetrics=openmetrics, gzipped=gzipped)
    assert metrics.render(openmetrics=openmetrics, gzipped=gzipped) is kept
    assert page != kept  # the pass itself was counted


@both_formats
@pytest.mark.parametrize("gzipped", [False, True])
def test_changed_page_shows_the_change(openmetrics: bool, gzipped: bool) -> None:
    def shown(metrics: Metrics) -> bytes:
        page = metrics.render(openmetrics=openmetrics, gzipped=gzipped)
        return gzip.decompress(page) if gzipped else page

    metrics = full_metrics()
    assert b"hostkeeper_loop_lag_seconds 0.002\n" in shown(metrics)
    metrics.daemon(some_facts(loop_lag=0.25))
    assert b"hostkeeper_loop_lag_seconds 0.25\n" in shown(metrics)


def test_openmetrics_page_ends_as_it_must() -> None:
    assert full_metrics().render(openmetrics=True, gzipped=False).endswith(b"\n# EOF\n")
    assert b"# EOF" not in full_metrics().render(openmetrics=False, gzipped=False)
