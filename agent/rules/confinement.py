"""A box in the words of systemd: which properties of a transient unit keep a run inside it.

The box takes away what a task did not ask for. It holds mistakes (a wrong path, a runaway script), and it holds a
program that was taken over as well as the kernel holds root without capabilities in a read-only system.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from agent.model.box import Box

Property = tuple[str, str]
"""A property of a unit: its name and its value in the grammar of unit files."""

FREED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "CAP_BPF": ((), "bpf"),
    "CAP_MKNOD": (("PrivateDevices",), ""),
    "CAP_SETFCAP": (("RestrictSUIDSGID",), ""),
    "CAP_SYSLOG": (("ProtectKernelLogs",), "syslog"),
    "CAP_SYS_ADMIN": (("RestrictNamespaces",), "@mount quotactl quotactl_fd sethostname setdomainname"),
    "CAP_SYS_BOOT": ((), "@reboot"),
    "CAP_SYS_CHROOT": ((), "chroot"),
    "CAP_SYS_MODULE": ((), "@module"),
    "CAP_SYS_NICE": (("RestrictRealtime",), ""),
    "CAP_SYS_PACCT": ((), "acct"),
    "CAP_SYS_PTRACE": ((), "@debug"),
    "CAP_SYS_RAWIO": (("PrivateDevices",), "@raw-io"),
    "CAP_SYS_TIME": (("ProtectClock",), "@clock"),
    "CAP_WAKE_ALARM": (("ProtectClock",), ""),
}
"""By capability: the properties that would take it away or make it idle, and the system calls it is for."""

SERVICES = (
    *("/run/dbus", "/run/systemd/private", "/run/user"),
    *("/run/containerd", "/run/crio", "/run/docker.sock", "/run/incus", "/run/libvirt", "/run/lxd", "/run/podman"),
    *("/run/snapd.socket", "/var/lib/incus", "/var/lib/lxd", "/var/snap/lxd"),
)
"""Where those listen that start whatever root asks for outside the box."""

_ALWAYS: tuple[Property, ...] = (
    ("ProtectKernelTunables", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectHostname", "yes"),
    ("PrivateIPC", "yes"),
    ("KeyringMode", "private"),
    ("LockPersonality", "yes"),
    ("NoNewPrivileges", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallErrorNumber", "EPERM"),
)
# Interpreters that compile as they go are programs too; and for one that verifies what is installed, hidden modules
# would be missing. Loading one takes a capability and a system call that it has not got.
_NO_PROGRAMS: tuple[Property, ...] = (("MemoryDenyWriteExecute", "yes"), ("ProtectKernelModules", "yes"))
_LANDLOCK = "landlock_add_rule landlock_create_ruleset landlock_restrict_self"
_NOT_FOR_PROGRAMS = "~@keyring process_vm_readv process_vm_writev userfaultfd"
_NOT_WITHOUT_PROGRAMS = "~@keyring @privileged @resources process_vm_readv process_vm_writev userfaultfd"
_TMP = ("/tmp", "/var/tmp")  # noqa: S108 - the directories are spoken of, not used
_NOT_ON_DISKS = ("/dev", "/proc", "/sys", *_TMP)
_HOMES = ("/home", "/root", "/run/user")
_UNSPEAKABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_NAMES_TMP = re.compile(r"(?<![\w.-])(?:/tmp|/var/tmp)(?![\w.-])")


def names_tmp(texts: Iterable[str]) -> bool:
    """Given texts such as the arguments of a program, tell whether one names /tmp, /var/tmp or something there."""
    return any(_NAMES_TMP.search(text) for text in texts)


def properties(box: Box, *, state: str, program: Sequence[str]) -> tuple[Property, ...]:
    """Given a box, the agent's state directory and the directories of its program, return what makes the box.

    A run writes its journal of steps to the state directory, whatever its task.
    """
    if not box.confined:
        return ()
    freed = {name for capability in box.capabilities for name in FREED.get(capability, ((), ""))[0]}
    if box.devices:
        freed.add("PrivateDevices")
    made = [*_files(box, state, program), ("PrivateDevices", "yes"), *_ALWAYS, *_network(box)]
    made += [] if box.programs else _NO_PROGRAMS
    made += [] if box.services else [("InaccessiblePaths", listed(f"-{path}" for path in SERVICES))]
    kept = [(name, value) for name, value in made if name not in freed]
    return (*kept, *_calls(box), ("CapabilityBoundingSet", " ".join(box.capabilities)), ("AmbientCapabilities", ""))


def own_places(box: Box, state: str) -> tuple[str, ...] | None:
    """Given a box and the agent's state directory, return all that the programs of a run may write to.

    The run itself has its journal of steps in the state directory; what it starts has no business there. None where
    that cannot be told apart: where the options name the directory or one above it, or let the programs mount.
    """
    around = any(_meets(state, path) for path in (*box.writable, *_NOT_ON_DISKS))
    if not box.confined or around or "CAP_SYS_ADMIN" in box.capabilities:
        return None
    return (*box.writable, *_NOT_ON_DISKS)


def _files(box: Box, state: str, program: Sequence[str]) -> list[Property]:
    """Return what keeps a run from writing anywhere else."""
    if "/" in box.writable:
        # Nothing is left to protect, and systemd does not take it for an exception.
        return []
    made = [("ProtectSystem", "strict")]
    if not set(_HOMES) & set(box.writable):
        made.append(("ProtectHome", "read-only"))
    if not box.shared_tmp and not any(_meets(path, tmp) for tmp in _TMP for path in (*box.writable, state, *program)):
        made.append(("PrivateTmp", "yes"))
    # One that does not exist yet is no reason not to start: the run says so better than systemd would.
    return [*made, ("ReadWritePaths", listed(f"-{path}" for path in (*box.writable, state)))]


def _meets(path: str, other: str) -> bool:
    """Tell whether one of two paths lies in the other."""
    one, two = path.rstrip("/") + "/", other.rstrip("/") + "/"
    return one.startswith(two) or two.startswith(one)


def _network(box: Box) -> list[Property]:
    if box.network:
        return [("RestrictAddressFamilies", "AF_UNIX AF_NETLINK AF_INET AF_INET6")]
    local = "AF_UNIX AF_NETLINK" if box.programs else "AF_UNIX"
    return [("PrivateNetwork", "yes"), ("IPAddressDeny", "any"), ("RestrictAddressFamilies", local)]


def _calls(box: Box) -> list[Property]:
    """Return the filters of system calls; each stands on those before it."""
    extra = [FREED[name][1] for name in box.capabilities if name in FREED and FREED[name][1]]
    refused = _NOT_FOR_PROGRAMS if box.programs else _NOT_WITHOUT_PROGRAMS
    if "CAP_SYS_PTRACE" in box.capabilities:
        refused = "~@keyring"
    return [
        ("SystemCallFilter", "@system-service"),
        ("SystemCallFilter", refused),
        ("SystemCallFilter", " ".join([_LANDLOCK, *extra])),
    ]


def listed(paths: Iterable[str]) -> str:
    """Given paths, return them as the list that unit files have. Raises ValueError where they cannot hold one."""
    return " ".join(map(_quoted, paths))


def _quoted(path: str) -> str:
    if _UNSPEAKABLE.search(path):
        raise ValueError(f"{path!a} has characters that systemd takes in no path")
    if not set(path) & set(" \"'\\"):
        return path
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
