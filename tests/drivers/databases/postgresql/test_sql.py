from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.databases.postgresql import sql

NAMES = st.text(min_size=1, max_size=20)


@given(NAMES, NAMES)
def test_table_parts_reads_what_table_key_writes(schema: str, table: str) -> None:
    assert sql.table_parts(sql.table_key(schema, table)) == (schema, table)


@pytest.mark.parametrize(
    ("key", "parts"), [("orders", (None, "orders")), ("public.orders", ("public", "orders")), ('"a.b"', (None, "a.b"))]
)
def test_table_parts_reads_what_people_write(key: str, parts: tuple[str | None, str]) -> None:
    assert sql.table_parts(key) == parts


@given(st.text(min_size=1, max_size=80))
def test_beside_keeps_the_ending_and_fits(database: str) -> None:
    name = sql.beside(database, "_hk_7f3a_old")
    assert name.endswith("_hk_7f3a_old")
    assert len(name.encode()) <= sql.NAME_BYTES
    assert name == f"{database}_hk_7f3a_old" or len(database.encode()) > 50
    assert name != sql.beside(database + "x", "_hk_7f3a_old")
