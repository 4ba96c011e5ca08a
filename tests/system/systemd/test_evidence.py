"""The head of the history in a real journal, and what it proves when the store is put back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.daemon.evidence import HEAD_NOTED
from agent.errors import ExitCode
from tests.system.agent import wait_for
from tests.system.bed.host import COMMAND, STATE, UNIT, Host

pytestmark = pytest.mark.root

POLICY = "version: 1\ntasks: {hello: {action: command.run, with: {command: [echo, hello]}}}\n"


def verified(host: Host, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = host.run(COMMAND, "history", "verify", "--json", *arguments, check=False)
    return done.returncode, json.loads(done.stdout)


def test_store_put_back_is_told_by_the_journal_though_the_file_of_heads_is_put_back_too(host: Host) -> None:
    host.policy(POLICY)
    host.start()
    host.command("run", "hello")
    host.run("systemctl", "stop", UNIT)
    host.run("cp", "-a", STATE, "/root/yesterday")
    host.start()
    host.command("run", "hello")
    host.run("systemctl", "stop", UNIT)
    (*_, noted) = host.journal(f"MESSAGE_ID={HEAD_NOTED}", f"_SYSTEMD_UNIT={UNIT}")
    code, found = verified(host, "--journal")
    assert (code, found["findings"]) == (ExitCode.OK, [])
    assert noted["HOSTKEEPER_HISTORY_HEAD"] == found["head"]["hash"]
    assert int(noted["HOSTKEEPER_HISTORY_LENGTH"]) == found["head"]["seq"]

    host.run("rm", "-r", STATE)
    host.run("cp", "-a", "/root/yesterday", STATE)
    assert verified(host)[0] == ExitCode.OK
    code, found = verified(host, "--journal")
    assert code == ExitCode.ALTERED
    assert [one["fault"] for one in found["findings"]] == ["rolled_back"]
    host.start()
    host.command("run", "hello")
    host.command("run", "hello")
    host.run("systemctl", "stop", UNIT)
    code, found = verified(host, "--journal")
    assert code == ExitCode.ALTERED
    assert [one["fault"] for one in found["findings"]] == ["rewritten"]


def test_store_put_back_alone_is_told_by_the_agent_when_it_starts(host: Host) -> None:
    host.policy(POLICY)
    host.start()
    host.run("systemctl", "stop", UNIT)
    host.run("sh", "-c", f"mkdir /root/yesterday && cp -a {STATE}/hostkeeper.db* /root/yesterday")
    host.start()
    host.command("run", "hello")
    host.run("systemctl", "stop", UNIT)
    host.run("sh", "-c", f"cp -a /root/yesterday/* {STATE}")
    host.start()
    wait_for(lambda: host.metric("hostkeeper_history_agrees") == 0)
    (told,) = [e for e in host.journal("PRIORITY=3", f"_SYSTEMD_UNIT={UNIT}") if "history" in e["MESSAGE"]]
    assert "run `hostkeeper history verify`" in told["MESSAGE"]
    assert "of another history" in host.command("status", check=False)
