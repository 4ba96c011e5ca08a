"""Encrypted backups: made without a private key, read with it alone, and nobody else learns a name."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.drivers.repository import Selection
from agent.errors import RunFailed
from tests.drivers.repositories.tar.house import House
from tests.drivers.repositories.tar.trees import differences
from tests.system.agent import agent_in
from tests.system.backups.beds import Numbers

KINDS = ("age", "gnupg")
SUFFIX = {"age": ".age", "gnupg": ".gpg"}
SECRET = "name-that-nobody-may-know"


def settings(kind: str, keys: Path, **changes: Any) -> dict[str, Any]:
    """Return the `encryption` of a repository, without a private key."""
    if kind == "age":
        recipient = next(
            line.split()[-1] for line in (keys / "identity").read_text().splitlines() if "public key" in line
        )
        return {"age": {"recipients": [recipient], "identity_file": None} | changes}
    return {"gnupg": {"recipients": ["backup@example.org"], "home": str(keys / "public")} | changes}


@contextmanager
def made(kind: str) -> Iterator[Path]:
    """Make a pair of keys below a directory whose path is short enough for the sockets of gpg-agent."""
    with tempfile.TemporaryDirectory() as place:
        keys = Path(place)
        if kind == "age":
            subprocess.run(["age-keygen", "-o", keys / "identity"], check=True, capture_output=True)
            yield keys
            return
        for name in ("private", "public"):
            (keys / name).mkdir(mode=0o700)
        gpg = ["gpg", "--batch", "--quiet", "--homedir"]
        generate = [
            "--pinentry-mode=loopback",
            "--passphrase=",
            "--quick-generate-key",
            "backup@example.org",
            "default",
        ]
        subprocess.run([*gpg, keys / "private", *generate, "default", "never"], check=True, capture_output=True)
        key = subprocess.run([*gpg, keys / "private", "--export"], check=True, capture_output=True).stdout
        subprocess.run([*gpg, keys / "public", "--import"], input=key, check=True, capture_output=True)
        try:
            yield keys
        finally:
            for name in ("private", "public"):
                subprocess.run(["gpgconf", "--homedir", keys / name, "--kill", "all"], check=False, capture_output=True)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def keys(kind: str) -> Iterator[Path]:
    with made(kind) as place:
        yield place


@pytest.fixture
def house(kind: str, keys: Path, tmp_path: Path) -> House:
    house = House(tmp_path, encryption=settings(kind, keys))
    (house.tree / SECRET).write_text("content")
    (house.tree / f"{SECRET}-2").write_text("content")
    return house


def decrypt(kind: str, keys: Path) -> list[str]:
    """Return what a person types, as README.txt says."""
    if kind == "age":
        return ["age", "--decrypt", f"--identity={keys}/identity"]
    return ["gpg", "--batch", "--quiet", f"--homedir={keys}/private", "--decrypt"]


def test_encrypted_chain_comes_back_by_hand(kind: str, keys: Path, house: House) -> None:
    full = house.create()
    (house.tree / SECRET).unlink()
    (house.tree / "new").write_text("new")
    second = house.create(full)
    assert second.level == "incremental"
    out = house.by_hand([full, second], decrypt(kind, keys))
    assert differences(os.fsencode(house.tree), os.fsencode(out)) == []


def test_host_cannot_read_its_own_backup_and_the_repository_tells_no_name(
    kind: str, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (house.place / "bin").mkdir()
    fake = house.place / "bin" / "tar"
    fake.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec {os.path.realpath("/bin/tar")} --version\n'
        f'echo "tar: srv/{SECRET}: file changed as we read it" >&2\nexec {os.path.realpath("/bin/tar")} "$@"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    backup = house.create(exclude=(f"{SECRET}-3",), databases=(Numbers(most=10),))
    names = {path.name for path in (house.series / backup.id).iterdir()}
    encrypted = {"files.tar.zst", "files.manifest.zst", "database-shop.txt.zst"}
    assert names == {"backup.json", "B3SUMS", *(name + SUFFIX[kind] for name in encrypted)}
    for path in house.path.rglob("*"):
        assert SECRET not in path.name
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path
    assert backup.flaws == ("1 objects are missing or not as they were; the encrypted manifest names them",)
    record = json.loads(house.record(backup))
    assert record["made"]["encryption"] == kind
    assert (record["made"]["sources"], record["made"]["exclude"]) == ([], [])
    with pytest.raises(RunFailed):
        house.open().restore(backup, Selection(), str(house.place / "bin"))


def test_unknown_recipient_makes_no_backup(kind: str, keys: Path, house: House) -> None:
    wrong = {"age": ["age1nobody"], "gnupg": ["nobody@example.org"]}[kind]
    house.encryption = settings(kind, keys, recipients=wrong)
    with pytest.raises(RunFailed, match=r"age|gpg"):
        house.create()
    assert house.names() == []


def test_drill_by_hand_of_what_the_host_cannot_read_takes_the_key(kind: str, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / SECRET).write_text("content")
    encryption = {name: value for name, value in settings(kind, keys)[kind].items() if value is not None}
    create = {"repository": "local", "sources": [{"path": str(tmp_path / "tree")}], "keep": {"last": 5}}
    policy = {
        "version": 1,
        "repositories": {"local": {"tar": {"path": str(tmp_path / "vault"), "encryption": {kind: encryption}}}},
        "tasks": {"backup-shop": {"action": "backup.create", "with": create}},
    }
    key = ("--identity", str(keys / "identity")) if kind == "age" else ("--gnupg-home", str(keys / "private"))
    with agent_in(tmp_path) as agent:
        agent.policy(yaml.safe_dump(policy))
        for arguments, code in ((("run", "backup-shop"), 0), (("backup", "drill", "backup-shop"), 4)):
            assert agent.command(*arguments).returncode == code
        drilled = agent.command("backup", "drill", "backup-shop", *key, "--json")
        assert drilled.returncode == 0, drilled.stdout + drilled.stderr
        assert json.loads(drilled.stdout)["task"] == "backup-shop.drill"
        ((listed,),) = (
            one["backups"] for one in json.loads(agent.command("backup", "list", "--json").stdout)["repositories"]
        )
        assert listed["proven"]
