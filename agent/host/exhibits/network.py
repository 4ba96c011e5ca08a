"""Open network state: who listens, how many connections there are in which state, and to whom most of them are."""

from __future__ import annotations

from collections import Counter

import psutil

from agent.host.tools import name_of

ROWS = 20


def collect() -> tuple[str, str]:
    """Return tables; processes are named as far as this user may see them."""
    connections = psutil.net_connections(kind="inet")
    listening = {
        (_at(one.laddr), one.type.name.removeprefix("SOCK_"), name_of(one.pid) if one.pid else "?")
        for one in connections
        if one.status in (psutil.CONN_LISTEN, psutil.CONN_NONE) and one.laddr
    }
    states = Counter(one.status for one in connections if one.status != psutil.CONN_NONE)
    peers = Counter(one.raddr.ip for one in connections if one.raddr)
    lines = ["connections by state", *_counted(states), "", "peers with the most connections", *_counted(peers)]
    lines += ["", "listening"]
    lines += [f"  {place:<40}  {kind:<6}  {name}" for place, kind, name in sorted(listening)[: 2 * ROWS]]
    lines += ["", "interfaces", f"  {'name':<16}  {'state':<5}  {'errors':>8}  {'drops':>8}"]
    stats = psutil.net_if_stats()
    for name, count in sorted(psutil.net_io_counters(pernic=True).items())[:ROWS]:
        state = "up" if name in stats and stats[name].isup else "down"
        errors, drops = count.errin + count.errout, count.dropin + count.dropout
        lines.append(f"  {name:<16}  {state:<5}  {errors:>8}  {drops:>8}")
    return "\n".join(lines), ""


def _at(address: object) -> str:
    return f"{getattr(address, 'ip', '')}:{getattr(address, 'port', '')}"


def _counted(counts: Counter[str]) -> list[str]:
    return [f"  {number:>8}  {what}" for what, number in counts.most_common(ROWS)] or ["  none"]
