"""What is made of what systemctl says; tests/system/systemd asks the real one."""

from __future__ import annotations

from typing import cast

import pytest

from agent.host.asides import Answer, Asides
from agent.host.clock import SystemClock
from agent.ports import Command, Completed
from agent.probes.answers import Down
from agent.probes.kind import Tools
from agent.probes.kinds.systemd import KIND

LOADED = "Id={}\nLoadState=loaded\nActiveState=active\nNRestarts=0\n"
ABSENT = "Id={}\nLoadState=not-found\nActiveState=inactive\nNRestarts=0\n"


class Systemctl:
    """Says of units what it is made with, and that none has failed."""

    def __init__(self, *shown: str) -> None:
        self._shown = "\n".join(shown).encode()

    def ask(self, command: Command, _stop: object, *, most: int) -> Answer:
        del most
        return Answer(Completed(0, "", 0, False, 0.0), self._shown if "show" in command.argv else b"", False)


def measured(units: list[str], *shown: str) -> dict[str, float]:
    asides = cast("Asides", Systemctl(*shown))
    tools = Tools(processes=asides, clock=SystemClock(), stop=lambda: False, scratch="/nonexistent")
    samples = KIND.connect("it", {"units": units}, tools).measure(5.0).samples
    return {dict(one.labels).get("unit", one.signal): one.value for one in samples if one.signal != "restarts"}


def test_systemd_unit_that_is_missing_is_down_however_many_others_fit_a_pattern() -> None:
    shown = [ABSENT.format("shop.service"), *(LOADED.format(f"web-{number}.service") for number in range(3))]
    with pytest.raises(Down, match=r"no unit shop\.service"):
        measured(["shop", "web-*"], *shown)


def test_systemd_unit_whose_name_has_a_dot_is_a_service_all_the_same() -> None:
    with pytest.raises(Down, match=r"no unit shop\.v2\.service"):
        measured(["shop.v2"], ABSENT.format("shop.v2.service"))


def test_systemd_unit_is_found_by_another_name_of_it() -> None:
    found = measured(["syslog.service"], LOADED.format("rsyslog.service"))
    assert found == {"failed_units": 0, "rsyslog.service": 0}


def test_systemd_unit_that_fits_a_pattern_and_is_only_spoken_of_is_left_out() -> None:
    found = measured(["web-*"], LOADED.format("web-1.service"), ABSENT.format("web-2.service"))
    assert found == {"failed_units": 0, "web-1.service": 0}
