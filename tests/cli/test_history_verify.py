from __future__ import annotations

import json
import shutil
from pathlib import Path

import apsw
import pytest

from agent.errors import ExitCode
from agent.host.heads import HeadFile
from agent.store import Store
from agent.store.connection import DATABASE_NAME
from tests.store.endings import DUE, ended
from tests.system.agent import AgentUnderTest

JOURNALCTL = """#!/bin/sh
for argument; do case "$argument" in _SYSTEMD_UNIT=*) unit=${argument#*=} ;; esac; done
[ "$unit" = hostkeeper.service ] || exit 1
cat "$JOURNAL"
"""


@pytest.fixture
def kept(agent: AgentUnderTest) -> AgentUnderTest:
    with Store(str(agent.state)) as store:
        for number in range(4):
            ended(store, DUE + number)
    return agent


def head_of(agent: AgentUnderTest) -> tuple[int, str]:
    with Store(str(agent.state), read_only=True) as store:
        head = store.chain.head()
    assert head is not None
    return head.seq, head.hash


def edit(agent: AgentUnderTest, statement: str) -> None:
    with apsw.Connection(str(agent.state / DATABASE_NAME)) as raw:
        raw.execute(statement)
    raw.close()


def entry(message: object, at: int = 1_772_366_400_000_000) -> str:
    return json.dumps({"MESSAGE": message, "__REALTIME_TIMESTAMP": str(at), "_SYSTEMD_UNIT": "hostkeeper.service"})


def test_verify_without_a_head_says_what_would_not_be_seen(kept: AgentUnderTest) -> None:
    done = kept.command("history", "verify")
    assert done.returncode == ExitCode.OK, done.stderr
    seq, made = head_of(kept)
    assert done.stdout.splitlines()[:3] == [
        "the history is what was written",
        "5 records and 4 runs looked at",
        f"head {seq}:{made}",
    ]
    assert "compared with no head" in done.stdout


def test_verify_of_an_edited_run_names_it_and_has_its_own_code(kept: AgentUnderTest) -> None:
    edit(kept, "UPDATE runs SET state = 'succeeded', why = 'x' WHERE id = 3")
    done = kept.command("history", "verify", "--json")
    assert done.returncode == ExitCode.ALTERED
    found = json.loads(done.stdout)
    assert not found["intact"]
    assert [(one["seq"], one["fault"], one["run"]) for one in found["findings"]] == [(4, "edited", 3)]
    assert "run 3 or a step of it is not what it was" in kept.command("history", "verify").stdout


def test_verify_with_a_head_from_elsewhere_sees_that_the_end_is_gone(kept: AgentUnderTest, tmp_path: Path) -> None:
    seq, made = head_of(kept)
    for known in (made[:12], made.upper(), f"sha256:{made}", f"metric:{int(made[:12], 16)}"):
        assert kept.command("history", "verify", "--head", f"{seq}:{known}").returncode == ExitCode.OK
    assert kept.command("history", "verify", "--head", f"{seq}:metric:5").returncode == ExitCode.ALTERED
    edit(kept, "DELETE FROM steps WHERE run = 4; DELETE FROM runs WHERE id = 4; DELETE FROM history WHERE seq = 5")
    assert kept.command("history", "verify").returncode == ExitCode.OK
    done = kept.command("history", "verify", "--head", f"{seq}:sha256:{made}")
    assert done.returncode == ExitCode.ALTERED
    assert "rolled_back: `--head` knows record 5, and the store ends at record 4" in done.stdout


@pytest.mark.parametrize("head", ["5", "5:12ab", "x:" + "a" * 64, "5:" + "g" * 12, "5:metric:x", f"5:metric:{2**48}"])
def test_verify_with_what_is_no_head_says_what_would_be(kept: AgentUnderTest, head: str) -> None:
    done = kept.command("history", "verify", "--head", head)
    assert done.returncode == ExitCode.USAGE
    assert "is not" in done.stderr


def test_verify_with_the_file_of_heads_sees_yesterdays_store(kept: AgentUnderTest) -> None:
    yesterday = kept.place / "yesterday"
    shutil.copytree(kept.state, yesterday)
    with Store(str(kept.state)) as store:
        ended(store, DUE + 10)
        head = store.chain.head()
        assert head is not None
        HeadFile(str(kept.state)).append(head.seq, head.hash, DUE)
    assert "compared with 1 heads" in kept.command("history", "verify").stdout
    shutil.copy(yesterday / DATABASE_NAME, kept.state / DATABASE_NAME)
    for suffix in ("-wal", "-shm"):
        (kept.state / f"{DATABASE_NAME}{suffix}").write_bytes((yesterday / f"{DATABASE_NAME}{suffix}").read_bytes())
    done = kept.command("history", "verify")
    assert done.returncode == ExitCode.ALTERED
    assert "rolled_back: heads.log, line 1 (of " in done.stdout
    status = kept.command("status")
    assert status.returncode == ExitCode.UNHEALTHY
    assert f"heads.log knows record {head.seq} of another history" in status.stdout


def test_verify_with_the_journal_compares_what_the_agent_has_logged(kept: AgentUnderTest) -> None:
    seq, made = head_of(kept)
    programs = kept.place / "bin"
    programs.mkdir()
    (programs / "journalctl").write_text(JOURNALCTL)
    (programs / "journalctl").chmod(0o755)
    journal = kept.place / "journal"
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "JOURNAL": str(journal)}
    entries = [
        entry(f"history head {seq} sha256:{made} of 2026-03-01T12:00:00+00:00"),
        entry(f"history head {seq} sha256:{made} of never-never-never-never"),
        entry([104, 105]),
        "no JSON, though it says history head",
        entry(None),
    ]
    journal.write_text("\n".join(entries) + "\n")
    done = kept.command("history", "verify", "--journal", environment=environment)
    assert done.returncode == ExitCode.OK, done.stdout
    assert "compared with 1 heads" in done.stdout
    with open(journal, "a", encoding="ascii") as file:
        file.write(entry(f"history head {seq} sha256:{'0' * 64} of 2026-03-01T12:00:00+00:00") + "\n")
    done = kept.command("history", "verify", "--journal", environment=environment)
    assert done.returncode == ExitCode.ALTERED
    assert "rewritten: the journal (of " in done.stdout
    done = kept.command("history", "verify", "--journal", "other.service", environment=environment)
    assert done.returncode == ExitCode.NOT_FOUND
    assert "journalctl ended with 1" in done.stderr


def test_verify_without_journalctl_says_so(kept: AgentUnderTest) -> None:
    done = kept.command("history", "verify", "--journal", environment={"PATH": str(kept.place)})
    assert done.returncode == ExitCode.NOT_FOUND
    assert "the journal cannot be asked" in done.stderr


def test_verify_beside_an_agent_at_work_agrees_with_what_it_tells(agent: AgentUnderTest) -> None:
    agent.start()
    for _ in range(2):
        assert agent.command("run", "hello").returncode == ExitCode.OK
    assert agent.end() == 0
    done = agent.command("history", "verify", "--json")
    assert done.returncode == ExitCode.OK, done.stdout
    found = json.loads(done.stdout)
    assert found["runs"] == 2
    assert found["heads"] >= 1
    log = agent.log.read_text()
    assert f"history head {found['head']['seq']} sha256:{found['head']['hash']} of " in log
