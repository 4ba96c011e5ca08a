from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.engine.in_force import SETTINGS, compiled, in_force, settings_in_force, settings_key
from agent.errors import StoreError
from agent.policy.compile import Compiler
from agent.policy.load import load
from agent.policy.normalise import normalise, plan_of
from agent.schema import Schemas
from agent.store import Store
from agent.store.records import CachedFragment

POLICY = b"version: 1\ntasks: {hello: {action: command.run, with: {command: [echo]}}}\n"
DIGEST = hashlib.sha256(POLICY).hexdigest()
FRAGMENT = Compiler().policy(POLICY, "policy.yaml").fragment()

COMPILER = "fingerprint"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def keep(store: Store, fragment: str = FRAGMENT, compiler: str | None = None) -> None:
    """Put a policy file into the store as the daemon does."""
    store.fragments.update([CachedFragment("policy.yaml", "/etc/policy.yaml", "signature", DIGEST, fragment)], [])
    store.facts.set("compiler", compiler or COMPILER)


def test_set_in_force_is_what_the_store_keeps(store: Store) -> None:
    assert in_force(store, {}).files == 0
    keep(store)
    policies = in_force(store, {})
    assert (policies.files, list(policies.tasks)) == (1, ["hello"])
    assert policies.tasks["hello"].position.file == "/etc/policy.yaml"


def test_compiled_fragments_are_known_by_the_digest_of_the_bytes(store: Store, tmp_path: Path) -> None:
    keep(store)
    assert compiled(store, COMPILER) == {DIGEST: FRAGMENT}
    (tmp_path / "any.yaml").write_bytes(POLICY)
    found = load(str(tmp_path), {}, root=False, schemas=Schemas("/nonexistent"), cache=compiled(store, COMPILER))
    assert list(found.tasks) == ["hello"]


def test_compiled_by_another_agent_counts_for_nothing(store: Store) -> None:
    keep(store, compiler="another")
    assert compiled(store, COMPILER) == {}


def test_compiled_in_a_damaged_store_is_refused(store: Store) -> None:
    keep(store)
    store.connection.rows("UPDATE fragments SET body = replace(body, 'echo', 'evil')")
    with pytest.raises(StoreError, match="damaged"):
        compiled(store, COMPILER)


SETTINGS_KEPT = normalise(plan_of(Schemas().settings()), {"concurrency": 7}, [])


@pytest.fixture
def config(store: Store) -> Iterator[Path]:
    """A settings file that the store knows, where every directory above is root's alone."""
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place:
        path = Path(place) / "agent.yaml"
        path.write_text("concurrency: 7\n")
        path.chmod(0o600)
        store.facts.set(SETTINGS, {"key": settings_key(str(path), COMPILER), "values": SETTINGS_KEPT})
        yield path


def test_settings_of_an_unchanged_file_need_no_reading(store: Store, config: Path) -> None:
    found = settings_in_force(store, str(config), COMPILER)
    assert found is not None
    assert found.concurrency == 7


def test_settings_are_read_again_after_any_change(store: Store, config: Path) -> None:
    assert settings_in_force(store, str(config), "another compiler") is None
    assert settings_in_force(store, str(config.parent / "other.yaml"), COMPILER) is None
    config.chmod(0o640)
    assert settings_in_force(store, str(config), COMPILER) is None


@pytest.mark.root
def test_settings_are_read_again_when_others_may_change_the_directory(store: Store, config: Path) -> None:
    config.parent.chmod(0o777)
    assert settings_in_force(store, str(config), COMPILER) is None


def test_settings_are_read_where_none_are_kept(tmp_path: Path, config: Path) -> None:
    with Store(str(tmp_path / "other")) as store:
        assert settings_in_force(store, str(config), COMPILER) is None


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1}', '{"format": 1, "windows": 0}', FRAGMENT[:-1]])
def test_fragment_that_cannot_be_read_is_compiled_again(store: Store, tmp_path: Path, text: str) -> None:
    keep(store, fragment=text)
    (tmp_path / "any.yaml").write_bytes(POLICY)
    assert list(load(str(tmp_path), {}, root=False, cache=compiled(store, COMPILER)).tasks) == ["hello"]
