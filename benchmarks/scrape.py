"""Processor time of a scrape, beside prometheus-node-exporter's.

Our page has 1,000 series, which is more than node_exporter's own. Both are scraped as Prometheus does it: over one
kept connection, OpenMetrics preferred, gzipped. "Unchanged" is what a second scraper costs; "changed" is a scrape after
a pass over the host, whose numbers are rendered anew.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from agent.host.http import HttpServer, Request, Response, address_of, listen
from agent.metrics import DaemonFacts, Metrics, RunFacts, TaskFacts, ThresholdFacts
from agent.metrics.endpoints import metrics_page
from agent.model.runs import RunOutcome
from agent.model.signals import ConditionState, Sample, Sampling, Verdict
from agent.probes.catalogue import SIGNALS
from agent.probes.host import HostProbe
from benchmarks.cpu import cpu_seconds
from benchmarks.peers import ending

GOAL = 0.1
SERIES = 1000
SCRAPES = 60
ROUNDS = 7
PATHS = {"scrape of 1,000 series, unchanged": "/metrics", "scrape of 1,000 series, changed": "/changed"}

ACCEPT = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def run() -> list[tuple[str, float, float, float, float]]:
    """Return rows: name, our milliseconds per scrape, node_exporter's, the ratio, and the goal for it.

    Each is the median of rounds in which both have their turn, since what a processor second does changes meanwhile.
    """
    theirs: list[float] = []
    ours: dict[str, list[float]] = {name: [] for name in PATHS}
    with _ours() as own, _node_exporter() as peer:
        for server in (own, peer):
            _milliseconds_per_scrape(server, "/metrics", 20)
        for _ in range(ROUNDS):
            theirs.append(_milliseconds_per_scrape(peer, "/metrics", SCRAPES))
            for name, path in PATHS.items():
                ours[name].append(_milliseconds_per_scrape(own, path, SCRAPES))
    middle = statistics.median(theirs)
    medians = {name: statistics.median(rounds) for name, rounds in ours.items()}
    return [(name, median, middle, median / middle, GOAL) for name, median in medians.items()]


def _milliseconds_per_scrape(server: tuple[int, int], path: str, count: int) -> float:
    pid, port = server
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {ACCEPT}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as client, client.makefile("rb") as answers:
        before = cpu_seconds(pid)
        for _ in range(count):
            client.sendall(request)
            fields = list(iter(answers.readline, b"\r\n"))
            length = next((line for line in fields if line.lower().startswith(b"content-length:")), None)
            if length is not None:
                answers.read(int(length.split(b":")[1]))
                continue
            while size := int(answers.readline(), 16):
                answers.read(size + 2)
            answers.readline()
        return (cpu_seconds(pid) - before) / count * 1000


@contextmanager
def _ours() -> Iterator[tuple[int, int]]:
    command = [sys.executable, "-m", "benchmarks.scrape"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        process.stdin.close()


@contextmanager
def _node_exporter() -> Iterator[tuple[int, int]]:
    program = shutil.which("prometheus-node-exporter") or "node_exporter"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    # Debian turns the collector of systemd on; where no systemd runs, it would only log its failures.
    without = () if os.path.isdir("/run/systemd/system") else ("--no-collector.systemd",)
    command = [program, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error", *without]
    with ending(subprocess.Popen(command, stderr=subprocess.DEVNULL)) as process:
        _wait_for(port)
        yield process.pid, port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _serve() -> None:
    """Serve a page of SERIES series, and under /changed the page after yet another pass over the host."""
    metrics = Metrics(SIGNALS, "0.1.0", time.time())
    passes = _recorded_passes(50)
    numbers = itertools.count(1)

    def advance() -> None:
        number = next(numbers)
        metrics.signals(passes[number % len(passes)], 0.001 + number * 1e-6)
        state = ConditionState(Verdict.PASS, value=random.random() * 100)
        metrics.thresholds(lambda: [ThresholdFacts(f"threshold-{n}", (), state) for n in range(33)])
        metrics.daemon(
            DaemonFacts(
                loop_lag=random.random() / 100,
                wakeups=number,
                cpu_seconds=number * 0.004,
                resident_bytes=30_000_000,
                open_files=20,
                threads=3,
                store_bytes=1_000_000,
            )
        )

    advance()
    _fill_up(metrics)
    page = metrics_page(metrics)

    def changed(request: Request) -> Response:
        advance()
        return page(request)

    listener = listen("127.0.0.1:0")
    server = HttpServer(
        [listener], {"/metrics": page, "/changed": changed}, lambda path, error: sys.exit(f"{path}: {error}")
    )
    server.start()
    print(address_of(listener).rpartition(":")[2], flush=True)
    sys.stdin.read()
    server.stop()


def _recorded_passes(count: int) -> list[Sampling]:
    probe = HostProbe(time.monotonic)
    probe.sample()
    passes = []
    for _ in range(count):
        time.sleep(0.02)
        passes.append(probe.sample())
    # A pass in which the host did something has more series than one in which it did not; the page stays the same.
    series = dict.fromkeys((sample.signal, sample.labels) for sampling in passes for sample in sampling.samples)
    steady = []
    for sampling in passes:
        values = {(sample.signal, sample.labels): sample.value for sample in sampling.samples}
        steady.append(Sampling(tuple(Sample(*key, values.get(key, 0.0)) for key in series), {}))
    return steady


def _fill_up(metrics: Metrics) -> None:
    """Add tasks that ran, until the page has as many series as it should."""
    names: list[str] = []
    while _series(metrics) < SERIES:
        names.append(f"task-number-{len(names)}")
        metrics.tasks(dict.fromkeys(names, TaskFacts(last_run=1.79e9, last_success=1.79e9, next_due=1.8e9)))
        metrics.run_ended(
            RunFacts(task=names[-1], outcome=RunOutcome.SUCCEEDED, ended=1.79e9, seconds=len(names) * 2.7)
        )


def _series(metrics: Metrics) -> int:
    lines = metrics.render(openmetrics=False, gzipped=False).splitlines()
    return sum(not line.startswith(b"#") for line in lines)


if __name__ == "__main__":
    _serve()
