from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.engine.in_force import compiled, in_force
from agent.policy.compile import Compiler
from agent.policy.load import load
from agent.schema import Schemas
from agent.store import Store
from agent.store.records import CachedFragment

POLICY = b"version: 1\ntasks: {hello: {action: command.run, with: {command: [echo]}}}\n"
DIGEST = hashlib.sha256(POLICY).hexdigest()
FRAGMENT = Compiler().policy(POLICY, "policy.yaml").fragment()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def keep(store: Store, fragment: str = FRAGMENT, compiler: str | None = None) -> None:
    """Put a policy file into the store as the daemon does."""
    store.fragments.update([CachedFragment("policy.yaml", "/etc/policy.yaml", "signature", DIGEST, fragment)], [])
    store.facts.set("compiler", compiler or Schemas().fingerprint())


def test_set_in_force_is_what_the_store_keeps(store: Store) -> None:
    assert in_force(store, {}).files == 0
    keep(store)
    policies = in_force(store, {})
    assert (policies.files, list(policies.tasks)) == (1, ["hello"])
    assert policies.tasks["hello"].position.file == "/etc/policy.yaml"


def test_compiled_fragments_are_known_by_the_digest_of_the_bytes(store: Store, tmp_path: Path) -> None:
    keep(store)
    assert compiled(store) == {DIGEST: FRAGMENT}
    (tmp_path / "any.yaml").write_bytes(POLICY)
    found = load(str(tmp_path), {}, root=False, schemas=Schemas("/nonexistent"), cache=compiled(store))
    assert list(found.tasks) == ["hello"]


def test_compiled_by_another_agent_counts_for_nothing(store: Store) -> None:
    keep(store, compiler="another")
    assert compiled(store) == {}


def test_compiled_in_a_damaged_store_counts_for_nothing(store: Store) -> None:
    keep(store)
    store.connection.rows("UPDATE fragments SET body = replace(body, 'echo', 'evil')")
    assert compiled(store) == {}


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1}', '{"format": 1, "windows": 0}', FRAGMENT[:-1]])
def test_fragment_that_cannot_be_read_is_compiled_again(store: Store, tmp_path: Path, text: str) -> None:
    keep(store, fragment=text)
    (tmp_path / "any.yaml").write_bytes(POLICY)
    assert list(load(str(tmp_path), {}, root=False, cache=compiled(store)).tasks) == ["hello"]
