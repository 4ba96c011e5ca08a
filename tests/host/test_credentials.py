"""Secrets that are lent to a command: to it alone, for as long as it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.errors import RunFailed
from agent.host.credentials import DIRECTORY, RUNTIME, lent, path
from agent.host.processes import SystemProcesses
from agent.host.users import account
from agent.ports import Command

SECRET = "hunter2\n"


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    for name in ("ours", "runtime"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "ours" / "password").write_text(SECRET)
    (tmp_path / "ours" / "other").write_text("not for everybody\n")
    return {DIRECTORY: str(tmp_path / "ours"), RUNTIME: str(tmp_path / "runtime")}


def test_path_is_where_systemd_put_it_and_by_hand_where_the_agent_has_it(environ: Mapping[str, str]) -> None:
    assert Path(path("password", environ)).read_text() == SECRET
    assert path("password", {}) == "/run/credentials/hostkeeper.service/password"


def test_lent_credentials_are_the_named_ones_and_gone_afterwards(environ: Mapping[str, str]) -> None:
    with lent(["password"], account(None), environ) as variables:
        place = Path(variables[DIRECTORY])
        assert [file.name for file in place.iterdir()] == ["password"]
        assert (place / "password").read_text() == SECRET
        assert (place / "password").stat().st_mode & 0o777 == 0o400
    assert not list(Path(environ[RUNTIME]).iterdir())


@pytest.mark.parametrize("names", [["absent"], ["password", "absent"]])
def test_missing_credential_leaves_nothing_behind(environ: Mapping[str, str], names: list[str]) -> None:
    with pytest.raises(RunFailed, match="add LoadCredential=absent:FILE"), lent(names, account(None), environ):
        pass
    assert not list(Path(environ[RUNTIME]).iterdir())


def test_nothing_lent_is_nothing_said(environ: Mapping[str, str]) -> None:
    with lent([], account(None), environ) as variables:
        assert variables == {}


@pytest.mark.root
@pytest.mark.parametrize("user", [None, "nobody"])
def test_command_reads_what_it_is_lent_as_its_user(
    environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, user: str | None
) -> None:
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_mode & 0o001 == 0 and str(above).startswith("/tmp/"):
            above.chmod(0o711)
    Path(environ[RUNTIME]).chmod(0o711)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    script = f'cat "${DIRECTORY}/password"; cat "{environ[DIRECTORY]}/password" 2>&1; stat -c "%U %a" "${DIRECTORY}"/*'
    command = Command(
        argv=("sh", "-c", script.replace("/*", "/password")),
        user=user,
        environment={"PATH": os.environ["PATH"], "LANG": "C"},
        directory="/",
        timeout=10.0,
        grace=1.0,
        output_limit=65536,
        credentials=("password",),
    )
    done = SystemProcesses().run(command, lambda: False)
    mine, agents, owner = done.output.splitlines()
    assert (mine, owner) == (SECRET.strip(), f"{user or 'root'} 400")
    assert (agents == SECRET.strip()) == (user is None), "what is the agent's is root's alone"
    assert not list(Path(environ[RUNTIME]).iterdir())
