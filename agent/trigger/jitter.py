"""A delay that spreads hosts, and is the same at every restart."""

from __future__ import annotations

from agent.digests import blake2b


def jitter(host_id: str, task: str, width: float) -> float:
    """Return a delay in seconds, at least 0 and below `width`, uniform over hosts and tasks and stable for a pair."""
    digest = blake2b(f"{host_id}\0{task}".encode(), digest_size=7).digest()
    return int.from_bytes(digest) / (1 << 56) * width
