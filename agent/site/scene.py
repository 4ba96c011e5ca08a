"""What every part of a page is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

from msgspec import Struct

from agent.engine.picture import Picture
from agent.engine.visit import Visit
from agent.model.policies import PolicySet
from agent.store import Store


class Scene(Struct, frozen=True):
    """An open store and what was found in it. `now` is seconds since the epoch, `zone` the host's own zone.

    `asked` is what the address says behind its question mark; `host` is the name of the host.
    """

    store: Store
    policies: PolicySet
    picture: Picture
    visit: Visit
    asked: Mapping[str, str]
    host: str
    zone: tzinfo
    now: float

    def local(self, instant: float) -> datetime:
        """Given seconds since the epoch, return the instant in the host's zone."""
        return datetime.fromtimestamp(instant, self.zone)

    def number(self, name: str, least: int, most: int) -> int | None:
        """Given the name of something asked for, return it as a number within bounds, None if it is none."""
        text = self.asked.get(name, "")
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            return None
        return int(text) if least <= int(text) <= most else None
