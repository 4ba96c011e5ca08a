"""Rotation of logs by ourselves: a log is turned over, copied or packed by descriptors of its directory.

At every instant each generation that was there is there, whole, under one name at least, so that a process may end
anywhere and the next one goes on.
"""

from agent.host.rotation.copying import copy_and_empty
from agent.host.rotation.files import NotRotated, drop
from agent.host.rotation.likeness import Creation
from agent.host.rotation.packing import Packing, pack
from agent.host.rotation.place import Actor, Place, place_at
from agent.host.rotation.turning import turn

__all__ = ["Actor", "Creation", "NotRotated", "Packing", "Place", "copy_and_empty", "drop", "pack", "place_at", "turn"]
