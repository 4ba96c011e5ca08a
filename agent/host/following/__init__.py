"""Following logs: what was written since the last time, each line once, whatever rotation did meanwhile."""

from agent.host.following.content import LONGEST, Block, Unpack
from agent.host.following.follower import LINGER, SETTLE, Follower, fits, logs_at
from agent.host.following.position import Part, Position
from agent.host.following.reading import Reading

__all__ = [
    "LINGER",
    "LONGEST",
    "SETTLE",
    "Block",
    "Follower",
    "Part",
    "Position",
    "Reading",
    "Unpack",
    "fits",
    "logs_at",
]
