"""Machines that the tests of a file share: they boot once, and each test keeps to tasks and paths of its own."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.system.bed.host import STATE, Host, host_up
from tests.system.conftest import SUITES

HERE = Path(__file__).parent
THERE = "/usr/local/lib/hostkeeper-tests"

PREPARE = f"""
mkdir -p {STATE} /srv/tidy /srv/canary /tmp/real
systemd-run --quiet --unit=listener python3 -c \
    'import socket, time; s = socket.create_server(("127.0.0.1", 9)); time.sleep(10000)'
"""
RESTORE = """
rm -f /etc/escaped /usr/local/escaped /etc/hostkeeper/policies.d/escaped /root/escaped /tmp/real/escaped
touch /srv/canary/file /srv/canary/other
chmod 755 /srv/canary
chown 0:0 /srv/canary
"""


class Judged(NamedTuple):
    """What a program printed, how exposed its unit was, and the system calls it was allowed."""

    printed: str
    exposure: float
    calls: frozenset[str]


class Boxes:
    """A machine on which programs are put into the boxes of tasks."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._runs = iter(range(1000, 2000))
        for name in ("probe.py", "boxed.py"):
            host.bed.write(f"{THERE}/{name}", (HERE / name).read_text(encoding="utf-8"))
        host.run("sh", "-euc", PREPARE)

    def run(self, action: str, options: dict[str, Any], *argv: str) -> Judged:
        """Run a program as a run of a task would be run; return what it printed, and what is said of its unit."""
        self.host.run("sh", "-euc", RESTORE)
        order = [STATE, str(next(self._runs)), action, json.dumps(options), *argv]
        answer = json.loads(self.host.out("python3", "-I", f"{THERE}/boxed.py", *order))
        assert answer["ended"], f"{shlex.join(argv)} did not end"
        self.host.run("journalctl", "--sync")
        printed = self.host.out(
            "journalctl", "--quiet", "--output=cat", "--identifier=hostkeeper", "-u", answer["unit"]
        )
        exposure = float(answer["exposure"].rpartition(": ")[2].split()[0])
        return Judged(printed, exposure, frozenset(answer["calls"]))

    def probe(self, action: str, options: dict[str, Any]) -> tuple[dict[str, str], Judged]:
        """Try to leave the box of a task; return by attempt what it met, "" where it went well, and the rest."""
        # The judge looks at a unit that lives.
        judged = self.run(action, options, "/bin/sh", "-c", f"sleep 0.4; exec python3 -I {THERE}/probe.py")
        found = [line for line in judged.printed.splitlines() if line.startswith("PROBED ")]
        assert found, judged.printed
        return json.loads(found[0].removeprefix("PROBED ")), judged


@pytest.fixture(scope="module", params=SUITES)
def boxes(request: pytest.FixtureRequest, _beds: None) -> Iterator[Boxes]:
    """A machine of each suite without an agent at work."""
    host = host_up(request.param)
    yield Boxes(host)
    host.bed.down()
