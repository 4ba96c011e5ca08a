"""Processor time and memory of 100 probes every ten seconds beside Monit with the same checks, and their lateness.

Half of them ask a web server for a page, half connect to its port; it answers on loopback, in a process of its own.
Ours are the daemon and the prober together, with a threshold on each probe. Then 50 probes of pages beside Prometheus'
blackbox exporter, which is asked as a scraper asks it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from benchmarks.cpu import cpu_seconds
from benchmarks.peers import ending

EVERY = 10
CYCLES = int(os.environ.get("HOSTKEEPER_BENCH_CYCLES", "6"))
WARM_UP_CYCLES = 2
PAGES = PORTS = 50
CPU_GOAL, MEMORY_GOAL, BLACKBOX_GOAL = 40.0, 12.0, 4.0
LATE_GOAL = 0.01
"""The share of the interval by which one measurement in a hundred may be late."""

Row = tuple[str, float, float, float, float]
_SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"Welcome")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer.request_queue_size = 128
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def run() -> list[Row]:
    """Return a row each for processor time, memory and lateness, and one for pages beside the blackbox exporter."""
    with tempfile.TemporaryDirectory() as directory, _server() as port:
        place = Path(directory)
        with _ours(place / "ours", port, PAGES, PORTS) as (ours, page), _monit(place, port) as monit:
            cpu = _beside(ours, monit, lambda: time.sleep(EVERY))
            memory = sum(psutil.Process(pid).memory_info().rss for pid in ours()) / (1 << 20)
            peer_memory = psutil.Process(monit).memory_info().rss / (1 << 20)
            late = _p99(page())
        with _ours(place / "pages", port, PAGES, 0) as (ours, _), _blackbox(place) as (blackbox, ask):
            pages = _beside(ours, blackbox, lambda: _asked(ask, port))
    checks = f"{PAGES + PORTS} probes every {EVERY} s"
    return [
        (f"{checks}, ms of processor a cycle, beside Monit", *cpu, cpu[0] / cpu[1], CPU_GOAL),
        (f"{checks}, MiB, beside Monit", memory, peer_memory, memory / peer_memory, MEMORY_GOAL),
        (f"{checks}, seconds late (p99) of the interval", late, float(EVERY), late / EVERY, LATE_GOAL),
        (f"{PAGES} pages, ms of processor a cycle, beside blackbox", *pages, pages[0] / pages[1], BLACKBOX_GOAL),
    ]


def _beside(ours: Callable[[], list[int]], peer: int, cycle: Callable[[], None]) -> tuple[float, float]:
    """Return the milliseconds of processor time that ours and the peer take for a cycle, warm."""
    for _ in range(WARM_UP_CYCLES):
        cycle()
    before = sum(map(cpu_seconds, ours())), cpu_seconds(peer)
    for _ in range(CYCLES):
        cycle()
    after = sum(map(cpu_seconds, ours())), cpu_seconds(peer)
    own, other = ((new - old) / CYCLES * 1000 for new, old in zip(after, before, strict=True))
    return own, other


def _p99(page: str) -> float:
    """Return the bound below which 99 of 100 measurements were late, from the histogram of a page of metrics."""
    found = re.findall(r'^hostkeeper_probe_lateness_seconds_bucket\{le="(\S+)"\} (\S+)$', page, re.MULTILINE)
    buckets = [(float(bound), float(count)) for bound, count in found]
    return next(bound for bound, count in buckets if count >= 0.99 * buckets[-1][1])


@contextmanager
def _server() -> Iterator[int]:
    port = _free_port()
    with ending(subprocess.Popen([sys.executable, "-c", _SERVER, str(port)])):
        _until_open(port)
        yield port


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _until_open(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def _ours(
    place: Path, port: int, pages: int, ports: int
) -> Iterator[tuple[Callable[[], list[int]], Callable[[], str]]]:
    """Yield what gives the ids of our processes, and what gives the page of metrics."""
    listen = _free_port()
    (place / "policies").mkdir(parents=True)
    http = {"http": {"url": f"http://127.0.0.1:{port}/", "contains": "Welcome"}, "every": f"{EVERY}s"}
    tcp = {"tcp": {"host": "127.0.0.1", "port": port}, "every": f"{EVERY}s"}
    probes = {f"page-{n}": http for n in range(pages)} | {f"port-{n}": tcp for n in range(ports)}
    thresholds = {f"down-{name}": {"signal": f"{name}.up", "below": 1} for name in probes}
    text = json.dumps({"version": 1, "probes": probes, "thresholds": thresholds})
    (place / "policies" / "probes.yaml").write_text(text)
    settings = {"sample_every": f"{EVERY}s", "metrics": {"listen": f"127.0.0.1:{listen}"}}
    (place / "agent.yaml").write_text(json.dumps(settings))
    where = ["--policies", f"{place}/policies", "--state", f"{place}/state", "--config", f"{place}/agent.yaml"]
    with _running([sys.executable, "-I", "-m", "agent", "agent", *where], place / "agent.log") as pid:
        _until_open(listen)
        process = psutil.Process(pid)

        def ours() -> list[int]:
            return [pid, *(child.pid for child in process.children() if child.cmdline()[-1:] == ["probe"])]

        def page() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{listen}/metrics", timeout=30) as answer:
                return str(answer.read().decode())

        yield ours, page


@contextmanager
def _monit(place: Path, port: int) -> Iterator[int]:
    files = [f"set {name}file {place / f'monit.{name}'}" for name in ("pid", "state", "id")]
    page = f'if failed port {port} protocol http request "/" status = 200 content = "Welcome" then alert'
    entries = [f"check host page-{n} with address 127.0.0.1\n  {page}" for n in range(PAGES)]
    entries += [f"check host port-{n} with address 127.0.0.1\n  if failed port {port} then alert" for n in range(PORTS)]
    control = place / "monitrc"
    control.write_text("\n".join([f"set daemon {EVERY}", *files, *entries, ""]))
    control.chmod(0o600)
    with _running([shutil.which("monit") or "monit", "-I", "-c", str(control)], place / "monit.log") as pid:
        yield pid


@contextmanager
def _blackbox(place: Path) -> Iterator[tuple[int, str]]:
    port = _free_port()
    config = place / "blackbox.yml"
    fails = {"fail_if_body_not_matches_regexp": ["Welcome"], "preferred_ip_protocol": "ip4"}
    config.write_text(json.dumps({"modules": {"page": {"prober": "http", "timeout": "5s", "http": fails}}}))
    program = shutil.which("prometheus-blackbox-exporter") or "prometheus-blackbox-exporter"
    where = [f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    with _running([program, *where], place / "blackbox.log") as pid:
        _until_open(port)
        yield pid, f"http://127.0.0.1:{port}/probe?module=page&target="


def _asked(ask: str, port: int) -> None:
    """Have every page probed once, as a scraper does, within a cycle."""
    ends = time.monotonic() + EVERY
    for _ in range(PAGES):
        with urllib.request.urlopen(f"{ask}http://127.0.0.1:{port}/", timeout=30) as answer:
            if b"probe_success 1" not in answer.read():
                raise RuntimeError("the blackbox exporter did not find the page")
    time.sleep(max(0.0, ends - time.monotonic()))


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[int]:
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        process = stack.enter_context(ending(subprocess.Popen(command, stdout=output, stderr=output)))
        yield process.pid
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{log.read_text()}")
