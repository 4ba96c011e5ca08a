"""Row hashes: `PRAGMA integrity_check` does not see a changed payload, a seal does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agent.digests import blake2b
from agent.errors import StoreError

Value = str | int | float | None


def seal(table: str, values: Sequence[Value]) -> str:
    """Given a table name and a row's values in column order, return the row's hash as 16 hexadecimal digits."""
    return _hashed(table, values, ascii)


def _hashed(table: str, values: Sequence[Value], shown: Callable[[object], str]) -> str:
    # SQLite may hand a REAL that holds a whole number back as a float, so floats and integers hash alike.
    canonical = "\x1f".join(repr(float(v)) if isinstance(v, int | float) else shown(v and str(v)) for v in values)
    return blake2b(f"{table}\x1e{canonical}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def verified(table: str, row: Sequence[Value], name: Value = None) -> Sequence[Value]:
    """Given a row whose last column is its seal, return the row without it.

    Raises StoreError naming the row (by `name`, or by its first column) when its payload is not what was written.
    """
    *values, written = row
    # What `repr` shows of a text depends on the interpreter's version of Unicode; seals were made by it once.
    if seal(table, values) != written and _hashed(table, values, repr) != written:
        which = values[0] if name is None else name
        raise StoreError(
            f"the store is damaged: row {which!r} of table {table} is not what was written; "
            "stop the agent, move the store aside and start again, or restore it from a backup"
        )
    return values
