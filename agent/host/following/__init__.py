"""Following logs: what was written since the last time, each line once, whatever rotation did meanwhile."""

from agent.host.following.content import LONGEST, Block, Unpack
from agent.host.following.follower import LINGER, SETTLE, Follower, Reading, fits, logs_at
from agent.host.following.position import Part, Position

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
