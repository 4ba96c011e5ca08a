"""Regular expressions out of policies, by RE2: the time that one takes is in proportion to the text, whatever it says.

RE2 is imported when the first expression is there: few policies have any.
"""

from __future__ import annotations

from collections.abc import Callable

Search = Callable[[bytes], bool]
"""Tell whether an expression is found anywhere in some bytes."""

MOST_MEMORY = 8 << 20


class BadExpression(ValueError):
    """What stands there cannot be used; `right` says what would be right."""

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(wrong)
        self.right = right


def search_of(expression: str) -> Search:
    """Given an expression, return what looks for it; `.` is no line's end, as everywhere. Raises BadExpression."""
    import re2  # noqa: PLC0415 - few policies need it

    options = re2.Options()
    options.max_mem = MOST_MEMORY
    options.log_errors = False
    try:
        compiled = re2.compile(expression, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise BadExpression(f"not a regular expression: {why}", "write it as RE2 has it, without look-around") from None
    return lambda data: compiled.search(data) is not None
