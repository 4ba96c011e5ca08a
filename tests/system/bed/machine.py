"""A bed: a Debian with systemd as its first process, booted for a test and gone with it."""

from __future__ import annotations

import errno
import itertools
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.system.bed.tree import tree

LAUNCH = Path(__file__).with_name("launch.sh")
BOOT_SECONDS = 60.0
PROGRAMS = ("apt-get", "mmdebstrap", "nsenter", "setpriv", "systemd-nspawn", "unshare")

# What the kernel keeps once for all containers stays out of reach of commands in a bed, the clock before all.
_NOT_GIVEN = "-sys_time,-sys_module,-sys_rawio,-syslog,-mac_admin,-mac_override"
_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
    "SYSTEMD_PAGER=",
    "SYSTEMD_COLORS=0",
)
_numbers = itertools.count(1)


class BedError(AssertionError):
    """A bed did not do what a test needs; the message holds its console."""


def why_not() -> str:
    """Return why no bed can be had on this host, or ""."""
    if os.geteuid() != 0:
        return "needs root"
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        return f"beds need {', '.join(missing)}"
    # Unpacked beside the host's own programs, one may lack what it is written in.
    for program in ("mmdebstrap", "systemd-nspawn"):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"{program} does not run: {done.stderr.strip()}"
    trial = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--mount-proc",
        "mount",
        "-t",
        "cgroup2",
        "none",
        "/sys/fs/cgroup",
    ]
    done = subprocess.run(trial, capture_output=True, text=True, check=False)
    return f"beds need namespaces and cgroup 2: {done.stderr.strip()}" if done.returncode else ""


class Bed:
    """A booted machine. It dies with the thread that made it, if not before.

    `binds` maps paths of the host to where they are seen, read-only, in the bed; `options` are more of nspawn's own.
    `packages` are Debian packages that its tree holds beyond systemd, dbus, procps, python3 and zstd.
    """

    def __init__(
        self,
        suite: str,
        binds: Mapping[str | Path, str] | None = None,
        packages: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> None:
        self.suite = suite
        self.name = f"hk-bed-{os.getpid()}-{next(_numbers)}"
        bound = [f"--bind-ro={str(here).replace(':', chr(92) + ':')}:{there}" for here, there in (binds or {}).items()]
        root = str(tree(suite, packages))
        self._console = tempfile.TemporaryFile()  # noqa: SIM115 - it is read for as long as the bed lives
        self._launcher = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private"),
                *("--pid", "--fork", "--kill-child", "--mount-proc"),
                *("sh", str(LAUNCH), self.name, root, *bound, *options),
            ],
            stdin=subprocess.PIPE,
            stdout=self._console,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @classmethod
    def up(
        cls,
        suite: str,
        binds: Mapping[str | Path, str] | None = None,
        packages: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> Bed:
        """Boot a pristine bed and return it once every unit has started; raises BedError when one failed."""
        bed = cls(suite, binds, packages, options)
        try:
            state = bed._booted()
            if state != "running":
                failed = bed.run("systemctl", "--failed", "--no-legend", "--plain", check=False).stdout
                raise BedError(f"the bed is {state}: {failed}\n{bed.console()}")
        except BaseException:
            bed.down()
            raise
        return bed

    def run(
        self, *argv: str, check: bool = True, timeout: float = 60.0, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the bed as root, `given` on its standard input; BedError when it fails and `check` is set.

        It is inside every namespace of the bed but outside its units: `systemd-run` shows what a unit may do.
        """
        leader = self._leader()
        if leader is None:
            raise BedError(f"{self.name} is not up\n{self.console()}")
        # What enters a process namespace is itself outside; the shell stays there, to wait for what is inside.
        enter = ["nsenter", "--target", str(leader), "--all", "--no-fork", "env", "-i", *_ENVIRONMENT]
        drop = ["setpriv", f"--bounding-set={_NOT_GIVEN}", "sh", "-c", '"$@"; exit $?', "sh"]
        done = subprocess.run(
            [*enter, *drop, *argv], input=given, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            raise BedError(f"{shlex.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def out(self, *argv: str, timeout: float = 60.0) -> str:
        """Run a command in the bed that must succeed, and return what it printed, without blanks at the ends."""
        return self.run(*argv, timeout=timeout).stdout.strip()

    def path(self, path: str) -> Path:
        """Return where a path of the bed is seen on the host while the bed is up; links in it lead astray."""
        leader = self._leader()
        if leader is None:
            raise BedError(f"{self.name} is not up\n{self.console()}")
        return Path(f"/proc/{leader}/root{path}")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the bed whole, directories above it included."""
        there = self.path(path)
        there.parent.mkdir(parents=True, exist_ok=True)
        draft = there.with_name(f".{there.name}.draft")
        draft.write_text(text, encoding="utf-8")
        draft.chmod(mode)
        draft.rename(there)

    def reboot(self) -> str:
        """Shut down orderly and boot again; return the state systemd ends up in. What was written stays."""
        leader = self._leader()
        self.run("systemctl", "--no-block", "reboot", check=False)
        self._wait_until(lambda: leader is None or not os.path.exists(f"/proc/{leader}"), "go down")
        return self._booted()

    def power_off(self) -> None:
        """Cut the power: nothing in the bed gets another instruction."""
        group = self._outside() / "sys/fs/cgroup" / self.name
        (group / "cgroup.kill").write_text("1")
        self._wait_until(lambda: is_empty(group), "lose its power")

    def power_on(self) -> str:
        """Boot a bed that is off; return the state systemd ends up in. What was written stays."""
        assert self._launcher.stdin is not None
        self._launcher.stdin.write(b"boot\n")
        self._launcher.stdin.flush()
        return self._booted()

    def down(self) -> None:
        """End the bed and everything written in it; a bed that is down stays so."""
        if self._launcher.poll() is None:
            if self._leader() is not None:
                self.power_off()
            assert self._launcher.stdin is not None
            self._launcher.stdin.close()
            try:
                self._launcher.wait(10.0)
            except subprocess.TimeoutExpired:
                self._launcher.kill()
                self._launcher.wait()
        self._console.close()

    def processes(self, unit: str) -> list[int]:
        """Return the processes of a system service, its main one first, as the host numbers them."""
        group = self._outside() / "sys/fs/cgroup" / self.name / "payload/system.slice" / unit
        return sorted(map(int, (group / "cgroup.procs").read_text().split()))

    def console(self) -> str:
        """Return what the bed has printed at its boots."""
        return os.pread(self._console.fileno(), 1 << 20, 0).decode(errors="replace")

    def __enter__(self) -> Bed:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.down()

    def _outside(self) -> Path:
        """Return the root directory as the launcher sees it."""
        launcher = _child(self._launcher.pid)
        assert launcher is not None, self.console()
        return Path(f"/proc/{launcher}/root")

    def _nspawn(self) -> int | None:
        launcher = _child(self._launcher.pid)
        return None if launcher is None else _child(launcher)

    def _leader(self) -> int | None:
        """Return the bed's first process, as the host numbers it, once systemd in it answers."""
        nspawn = self._nspawn()
        leader = None if nspawn is None else _child(nspawn)
        return leader if leader is not None and os.path.exists(f"/proc/{leader}/root/run/systemd/private") else None

    def _booted(self) -> str:
        self._wait_until(lambda: self._leader() is not None, "boot")
        return self.run("systemctl", "is-system-running", "--wait", check=False, timeout=BOOT_SECONDS).stdout.strip()

    def _wait_until(self, what: Callable[[], bool], saying: str) -> None:
        end = time.monotonic() + BOOT_SECONDS
        while not what():
            if self._launcher.poll() is not None or time.monotonic() > end:
                raise BedError(f"{self.name} did not {saying}\n{self.console()}")
            time.sleep(0.01)


def is_empty(group: Path) -> bool:
    """Whether no process is in a control group of a bed, which a bed that comes up takes away then."""
    try:
        return "populated 0" in (group / "cgroup.events").read_text()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise
        return True


def _child(pid: int) -> int | None:
    """Return the first child of a process that is not dead."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        alive = (child for child in children if ") Z " not in Path(f"/proc/{child}/stat").read_text(encoding="utf-8"))
        return int(next(alive, 0)) or None
    except OSError:
        return None
