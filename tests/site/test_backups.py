"""What the overview says of backups."""

from __future__ import annotations

from msgspec.structs import replace

from agent.store import Store
from tests.site.big import NOW, put_policies
from tests.site.pages import look
from tests.store.test_ledger import FIRST, PROOF, SECOND

POLICY = """version: 1
repositories: {local: {tar: {path: /srv/backups}}}
tasks:
"""
SAVE = "  {}: {{action: backup.create, with: {{repository: local, sources: [{{path: /srv}}]}}}}\n"


def overview(store: Store) -> str:
    return " ".join(look(store).text.split())


def test_overview_says_how_old_and_how_proven_the_backups_of_each_task_are(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY + SAVE.format("save") + SAVE.format("other")})
    store.ledger.made(replace(SECOND, began=NOW - 7200, ended=NOW - 7000))
    store.ledger.proved(replace(PROOF, at=NOW - 86_400))
    text = overview(store)
    assert "other local never never none" in text
    assert "save local 2h00m ago incremental 1d0h ago none" in text
    assert "missing from the newest backup" not in text


def test_overview_puts_backups_with_flaws_first_and_calls_them_trouble(store: Store) -> None:
    put_policies(store, {"p.yaml": POLICY + SAVE.format("save") + SAVE.format("a")})
    store.ledger.made(replace(FIRST, began=NOW - 60))
    text = overview(store)
    assert "Save: something is missing from the newest backup in local" in text
    assert text.index("1 missing from the newest") < text.index("a local never never none")


def test_overview_of_very_many_backups_names_a_few(store: Store) -> None:
    names = [f"save-{number}" for number in range(30)]
    put_policies(store, {"p.yaml": POLICY + "".join(map(SAVE.format, names))})
    assert "and 20 more tasks make backups: `hostkeeper status`" in overview(store)


def test_overview_without_backups_has_no_part_for_them(store: Store) -> None:
    put_policies(store, {"p.yaml": "version: 1\n"})
    assert "backups" not in look(store).names
