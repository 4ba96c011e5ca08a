"""Prometheus and Alertmanager under test: each in a directory of its own, on the loopback address."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.system.agent import wait_for


def free_port() -> int:
    """Return a port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Server:
    """A running server that answers in JSON."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def address(self) -> str:
        """Return host and port."""
        return f"127.0.0.1:{self.port}"

    def ask(self, path: str) -> Any:
        """Return the answer to a GET."""
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return json.load(answer)

    def is_up(self) -> bool:
        """Whether it is ready."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=10):
                return True
        except OSError:
            return False


class Prometheus(Server):
    """A Prometheus."""

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and number of each series of an instant query; AssertionError for one that is no PromQL."""
        try:
            answer = self.ask(f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from error
        result = answer["data"]["result"]
        if answer["data"]["resultType"] == "scalar":
            return [({}, float(result[1]))]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def value(self, expression: str) -> float | None:
        """Return the number of the only series of a query, None without one."""
        found = self.query(expression)
        assert len(found) < 2, found
        return found[0][1] if found else None

    def wait(self, expression: str, saying: str = "") -> None:
        """Wait until a query that filters returns something."""
        wait_for(lambda: self.query(expression) or None, saying=f"for {expression} {saying}")


class Alertmanager(Server):
    """An Alertmanager."""

    def active(self) -> dict[str, dict[str, Any]]:
        """Return the alerts that fire by their names."""
        return {alert["labels"]["alertname"]: alert for alert in self.ask("/api/v2/alerts?active=true&inhibited=true")}


@contextmanager
def _running(command: Sequence[str], log: Path, server: Server) -> Iterator[None]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent) as process:
        try:
            wait_for(lambda: server.is_up() or process.poll() is not None, saying=f"for {command[0]}")
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()


@contextmanager
def prometheus(place: Path, config: dict[str, Any]) -> Iterator[Prometheus]:
    """Run a Prometheus on a configuration in a directory of its own."""
    place.mkdir(exist_ok=True)
    (place / "prometheus.yml").write_text(json.dumps(config))
    server = Prometheus(free_port())
    where = [f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
    command = ["prometheus", *where, f"--web.listen-address={server.address}", "--log.level=warn"]
    with _running(command, place / "log", server):
        yield server


@contextmanager
def alertmanager(place: Path, config: Path) -> Iterator[Alertmanager]:
    """Run an Alertmanager on a configuration file."""
    place.mkdir(exist_ok=True)
    server = Alertmanager(free_port())
    where = [f"--config.file={config}", f"--storage.path={place}/data", "--cluster.listen-address="]
    command = [*_with_its_templates(), *where, f"--web.listen-address={server.address}", "--log.level=warn"]
    with _running(command, place / "log", server):
        yield server


def _with_its_templates() -> list[str]:
    """Return how Alertmanager is started: one that is not installed but unpacked has its templates beside it.

    Debian's knows them by a path below /usr/share alone.
    """
    program = shutil.which("prometheus-alertmanager")
    assert program is not None
    if Path("/usr/share/prometheus/alertmanager/default.tmpl").exists():
        return [program]
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("Alertmanager is not installed, and its templates cannot be mounted where it looks for them")
    share = Path(program).resolve().parents[1] / "share"
    mounted = f'mount --bind "{share}" /usr/share && exec "{program}" "$@"'
    return ["unshare", "--mount", "sh", "-c", mounted, "alertmanager"]


def scrape(job: str, target: str, **more: Any) -> dict[str, Any]:
    """Return the configuration of a job with one target."""
    return {"job_name": job, "static_configs": [{"targets": [target]}], **more}


def watching(*jobs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a configuration that looks every second."""
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    return {"global": every, "scrape_configs": list(jobs), **more}
