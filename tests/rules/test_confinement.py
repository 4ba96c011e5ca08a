"""The box of a task in the words of systemd."""

from __future__ import annotations

import pytest

from agent.model.box import UNCONFINED, Box
from agent.rules.confinement import FREED, listed, names_tmp, own_places, properties

STATE = "/var/lib/hostkeeper"
PROGRAM = ("/opt/hostkeeper", "/usr")


def made(box: Box, state: str = STATE, program: tuple[str, ...] = PROGRAM) -> dict[str, str]:
    """Return the properties by name; of those given more than once, all values."""
    found: dict[str, str] = {}
    for name, value in properties(box, state=state, program=program):
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def test_empty_box_may_write_the_journal_of_its_steps_alone() -> None:
    closed = made(Box())
    assert closed["ProtectSystem"] == "strict"
    assert closed["ReadWritePaths"] == f"-{STATE}"
    assert closed["CapabilityBoundingSet"] == ""
    for name in ("PrivateNetwork", "PrivateTmp", "PrivateDevices", "NoNewPrivileges", "RestrictNamespaces"):
        assert closed[name] == "yes"
    assert "@privileged" in closed["SystemCallFilter"]


def test_no_box_has_no_properties() -> None:
    assert properties(UNCONFINED, state=STATE, program=PROGRAM) == ()


@pytest.mark.parametrize(
    ("box", "without"),
    [
        (Box(network=True), {"PrivateNetwork", "IPAddressDeny"}),
        (Box(services=True), {"InaccessiblePaths"}),
        (Box(devices=True), {"PrivateDevices"}),
        (Box(programs=True), {"MemoryDenyWriteExecute", "ProtectKernelModules"}),
        (Box(shared_tmp=True), {"PrivateTmp"}),
        (Box(writable=("/",)), {"ProtectSystem", "ProtectHome", "PrivateTmp", "ReadWritePaths"}),
        (Box(writable=("/home",)), {"ProtectHome"}),
        (Box(writable=("/home/shop",)), set()),
        (Box(writable=("/tmp/cache",)), {"PrivateTmp"}),
        (Box(writable=("/var/tmp/",)), {"PrivateTmp"}),
        (Box(writable=("/var",)), {"PrivateTmp"}),
        (Box(writable=("/var/tmpfiles", "/tmpfs")), set()),
        (Box(capabilities=("CAP_SYS_TIME",)), {"ProtectClock"}),
        (Box(capabilities=("CAP_SYS_MODULE", "CAP_SYSLOG")), {"ProtectKernelLogs"}),
        (Box(capabilities=("CAP_MKNOD", "CAP_SYS_ADMIN")), {"PrivateDevices", "RestrictNamespaces"}),
        (Box(capabilities=("CAP_NET_RAW",)), set()),
    ],
    ids=str,
)
def test_what_the_options_name_opens_that_and_nothing_else(box: Box, without: set[str]) -> None:
    assert made(Box()).keys() - made(box).keys() == without


@pytest.mark.parametrize("own", [{"state": "/tmp/state"}, {"program": ("/usr", "/var/tmp/venv")}])
def test_agent_in_tmp_is_not_hidden_from_its_runs(own: dict[str, str]) -> None:
    assert "PrivateTmp" not in made(Box(), **own)  # type: ignore[arg-type]  # two names of its own arguments


def test_capability_brings_the_calls_it_is_for() -> None:
    for capability, (_, calls) in FREED.items():
        allowed = made(Box(programs=True, capabilities=(capability,)))["SystemCallFilter"]
        assert allowed.endswith(calls), capability
    assert "process_vm_writev" not in made(Box(programs=True, capabilities=("CAP_SYS_PTRACE",)))["SystemCallFilter"]


@pytest.mark.parametrize(
    "box",
    [
        UNCONFINED,
        Box(writable=("/",)),
        Box(writable=("/var/lib",)),
        Box(writable=(STATE,)),
        Box(capabilities=("CAP_SYS_ADMIN",)),
    ],
    ids=str,
)
def test_programs_have_no_places_of_their_own_where_the_state_cannot_be_told_apart(box: Box) -> None:
    assert own_places(box, STATE) is None


def test_programs_may_write_where_the_options_say_and_to_what_is_on_no_disk() -> None:
    assert own_places(Box(writable=("/srv",)), STATE) == ("/srv", "/dev", "/proc", "/sys", "/tmp", "/var/tmp")
    assert own_places(Box(writable=("/srv",)), "/tmp/state") is None


def test_paths_are_quoted_as_unit_files_want_it() -> None:
    box = Box(writable=("/srv/a b", '/srv/q"uo', "/srv/back\\slash", "/srv/100%", "/srv/c:d"))
    paths = made(box)["ReadWritePaths"]
    assert paths == f'"-/srv/a b" "-/srv/q\\"uo" "-/srv/back\\\\slash" -/srv/100% -/srv/c:d -{STATE}'


@pytest.mark.parametrize("path", ["/srv/a\nb", "/srv/\x7f", "/srv/\udcff", "/srv/a\tb"])
def test_path_that_systemd_cannot_be_told_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="has characters that systemd takes in no path"):
        listed([path])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/tmp", True),
        ("/tmp/x", True),
        ("--output=/var/tmp/report", True),
        ("cat /tmp/a /srv/b", True),
        ("PATH=/usr/bin:/tmp", True),
        ("/srv/tmp", False),
        ("/tmpfs", False),
        ("/tmp-old/x", False),
        ("/var/tmpfiles", False),
        ("tmp", False),
    ],
)
def test_names_tmp_hears_the_directories_alone(text: str, expected: bool) -> None:
    assert names_tmp(["true", text]) is expected
