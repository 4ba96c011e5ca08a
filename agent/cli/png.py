"""The option `--png` of commands that show what fills up. What draws is an extra, loaded when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import partial

from agent.errors import NotFound
from agent.host.durable import put
from agent.host.extras import extra
from agent.report.period import Period
from agent.rules.capacity import Outlook

Paint = Callable[[Sequence[Outlook], str, Period, float], None]
"""Given what can be said of each series, the worst first, the host's name, the zone and when it is, draw them."""

_MISSING = (
    "Pillow is not installed, which draws pictures: `apt install python3-pil` on Debian, `pip install "
    "'hostkeeper[png]'` where it is from a wheel; or write a page with --output"
)


def painter(path: str | None) -> Paint:
    """Given the file to write, return what draws into it; without one, what does nothing.

    Raises RunFailed when nothing can draw. What is returned raises NotFound when there can be no such file.
    """
    if path is None:
        return lambda *_: None
    extra("PIL.ImageFont", _MISSING)
    return partial(_paint, path, importlib.import_module("agent.report.picture").picture)


def _paint(
    path: str,
    drawn: Callable[[Sequence[Outlook], str, Period, float], bytes],
    found: Sequence[Outlook],
    host: str,
    period: Period,
    made: float,
) -> None:
    content = drawn(found, host, period, made)
    try:
        put(path, content)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise NotFound(f"{path}: {why}; name a file that can be written with --png") from error
