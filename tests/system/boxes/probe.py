"""Tries everything that a box should prevent, and prints as JSON what came of each: "" where it went well.

It runs inside the box, with the Python of a bed and nothing else: python3 -I probe.py
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import stat
import tempfile
from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)
SCRATCH = tempfile.mkdtemp(dir="/dev/shm" if not os.access("/tmp", os.W_OK) else "/tmp")
NULL = ctypes.c_void_p(None)


def call(result: int) -> None:
    """Raise what the kernel answered to a call, if it was an error."""
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def reached(number: int, *arguments: object) -> None:
    """Make a system call with arguments that can do nothing; raise PermissionError where it is not even looked at."""
    passed = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    if LIBC.syscall(ctypes.c_long(number), *passed) < 0 and ctypes.get_errno() in (errno.EPERM, errno.EACCES):
        raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def write(path: str, text: str = "") -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def connect(family: socket.AddressFamily, address: object) -> None:
    with socket.socket(family) as client:
        client.settimeout(5)
        client.connect(address)  # type: ignore[arg-type]  # whatever the family wants


def with_child(attempt: Callable[[int], None]) -> None:
    child = os.fork()
    if not child:
        signal.pause()
    try:
        attempt(child)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def in_child(attempt: Callable[[], None]) -> None:
    child = os.fork()
    if not child:
        try:
            attempt()
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))


def setuid_bit() -> None:
    write(f"{SCRATCH}/program")
    os.chmod(f"{SCRATCH}/program", 0o4755)


def new_privileges() -> None:
    if LIBC.prctl(39, 0, 0, 0, 0):
        raise PermissionError(errno.EPERM, "no new privileges")


ATTEMPTS: dict[str, Callable[[], object]] = {
    "write to /etc": lambda: write("/etc/escaped"),
    "write to /usr": lambda: write("/usr/local/escaped"),
    "write a policy": lambda: write("/etc/hostkeeper/policies.d/escaped"),
    "write to a home": lambda: write("/root/escaped"),
    "write to the real /tmp": lambda: write("/tmp/real/escaped"),
    "delete": lambda: os.unlink("/srv/canary/file"),
    "rename": lambda: os.rename("/srv/canary/other", "/srv/canary/another"),
    "change a mode": lambda: os.chmod("/srv/canary", 0o777),
    "change an owner": lambda: os.chown("/srv/canary", 1, 1),
    "set a program's setuid bit": setuid_bit,
    "gain privileges by a program": new_privileges,
    "become another user": lambda: in_child(lambda: os.setuid(65534)),
    "use the network": lambda: connect(socket.AF_INET, ("127.0.0.1", 9)),
    "read packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "order the service manager": lambda: connect(socket.AF_UNIX, "/run/systemd/private"),
    "speak to D-Bus": lambda: connect(socket.AF_UNIX, "/run/dbus/system_bus_socket"),
    "make a device": lambda: os.mknod(f"{SCRATCH}/null", 0o600 | stat.S_IFCHR, os.makedev(1, 3)),
    "mount": lambda: call(LIBC.mount(b"none", b"/mnt", b"tmpfs", 0, NULL)),
    "unmount": lambda: reached(166, b"/srv/no-such-place", 0),
    "change the root": lambda: in_child(lambda: os.chroot("/")),
    "make a mount namespace": lambda: in_child(lambda: call(LIBC.unshare(0x00020000))),
    "make a user namespace": lambda: in_child(lambda: call(LIBC.unshare(0x10000000))),
    "open by handle": lambda: reached(304, -1, b"\0" * 64, 0),
    "trace": lambda: with_child(lambda child: call(LIBC.ptrace(0x4206, child, NULL, NULL))),
    "write to a process": lambda: with_child(lambda child: reached(311, child, NULL, 0, NULL, 0, 0)),
    "use keys": lambda: reached(250, 0, -3, 0),
    "reboot": lambda: reached(169, 0, 0, 0, NULL),
    "load a module": lambda: reached(175, NULL, 0, NULL),
    "swap": lambda: reached(167, b"/srv/no-such-place", 0),
    "set the clock": lambda: reached(227, 0, (ctypes.c_long * 2)(0, -1)),
    "name the host": lambda: call(LIBC.sethostname(socket.gethostname().encode(), len(socket.gethostname()))),
    "tune the kernel": lambda: write("/proc/sys/net/ipv4/ip_forward", "0"),
    "make a control group": lambda: os.mkdir("/sys/fs/cgroup/escaped"),
    "run in real time": lambda: in_child(lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))),
    "pretend another kernel": lambda: in_child(lambda: call(LIBC.personality(0x0008))),
    "write and execute memory": lambda: mmap.mmap(-1, 4096, prot=7).close(),
}


def main() -> None:
    answers = {}
    for name, attempt in ATTEMPTS.items():
        try:
            attempt()
            answers[name] = ""
        except OSError as error:
            answers[name] = error.strerror or str(error)
    print(f"PROBED {json.dumps(answers)}", flush=True)


if __name__ == "__main__":
    main()
