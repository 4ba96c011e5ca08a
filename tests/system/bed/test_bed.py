"""The beds themselves: pristine, apart from each other, and gone when they should be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.agent import wait_for
from tests.system.bed import Bed, BedError
from tests.system.bed.machine import is_empty

pytestmark = pytest.mark.root


def groups(name: str) -> list[Path]:
    """Return the control group of a bed, as one or none."""
    return [*Path("/sys/fs/cgroup").glob(name), *Path("/sys/fs/cgroup/unified").glob(name)]


def test_reboot_keeps_what_was_written_and_is_another_boot(bed: Bed) -> None:
    boot = bed.out("journalctl", "--list-boots")
    bed.write("/etc/kept", "written before")
    assert bed.reboot() in {"running", "degraded"}
    assert bed.out("cat", "/etc/kept") == "written before"
    assert len(bed.out("journalctl", "--list-boots").splitlines()) > len(boot.splitlines())


def test_power_off_ends_everything_at_once_and_keeps_what_was_written(bed: Bed) -> None:
    bed.run("systemd-run", "--unit=last-words", "--property=ExecStop=touch /etc/ended-orderly", "sleep", "1000")
    bed.write("/etc/kept", "written before")
    bed.power_off()
    with pytest.raises(BedError, match="is not up"):
        bed.run("true")
    assert bed.power_on() == "running"
    assert bed.out("cat", "/etc/kept") == "written before"
    assert bed.run("test", "-e", "/etc/ended-orderly", check=False).returncode == 1


def test_bed_is_pristine_whatever_another_of_its_suite_has_written(bed: Bed) -> None:
    bed.write("/etc/written", "here")
    with Bed.up(bed.suite) as other:
        assert other.run("test", "-e", "/etc/written", check=False).returncode == 1
        assert other.out("hostname") != bed.out("hostname")


def test_failed_unit_at_boot_is_told_with_its_name(bed: Bed) -> None:
    bed.write(
        "/etc/systemd/system/broken.service", "[Service]\nExecStart=/bin/false\n[Install]\nWantedBy=basic.target\n"
    )
    bed.run("systemctl", "enable", "broken.service")
    assert bed.reboot() == "degraded"
    assert "broken.service" in bed.out("systemctl", "--failed", "--plain")


def test_bed_of_a_session_that_was_killed_is_gone(suite: str) -> None:
    script = f"from tests.system.bed import Bed; print(Bed.up({suite!r}).name, flush=True); input()"
    root = Path(__file__).resolve().parents[3]
    session = subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert session.stdout is not None and session.stdin is not None
    with session.stdin, session.stdout:
        name = session.stdout.readline().strip()
        assert name
        os.kill(session.pid, signal.SIGKILL)
        session.wait()

    wait_for(lambda: all(map(is_empty, groups(name))), saying="for the bed to end")
    with Bed.up(suite):  # a bed that is made later takes away what the kernel keeps of it
        assert not groups(name)
