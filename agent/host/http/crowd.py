"""All open connections: who is waiting for what until when, and who has to go when there are too many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.host.http.connection import Connection, Phase

_AWAITED = (Phase.LINGERING, Phase.HANDSHAKING, Phase.READING, Phase.IDLE)
"""Who has to do something next, in the order in which they have to go; one in a handshake may also wait for us."""

_OF_PEER = (_AWAITED[:3], _AWAITED[3:])
_SEVERAL = 3
"""Connections that more than one scraper or browser of a peer would take."""

_OWED = (Phase.HANDSHAKING, Phase.CHECKING)


class Crowd:
    """The open connections by phase, in the order of their deadlines, and by peer.

    `seconds` is how long each phase may last. All connections of a phase have the same time, so the order in which
    they entered it is the order of their deadlines, and nothing has to be searched or sorted.
    """

    def __init__(self, seconds: Mapping[Phase, float]) -> None:
        self._seconds = seconds
        self._by_phase: dict[Phase, dict[int, Connection]] = {phase: {} for phase in Phase}
        self._by_peer: dict[str, dict[int, Connection]] = {}
        self._by_fd: dict[int, Connection] = {}

    def __len__(self) -> int:
        return len(self._by_fd)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_fd.values()))

    def get(self, fd: int) -> Connection | None:
        """Given a descriptor, return its connection if it is still one of ours."""
        return self._by_fd.get(fd)

    def of_peer(self, peer: str) -> int:
        """Given a peer, return how many connections it has."""
        return len(self._by_peer.get(peer, ()))

    def add(self, connection: Connection, phase: Phase, now: float) -> None:
        """Given an accepted connection, let it begin with a phase."""
        self._by_fd[connection.fd] = connection
        # Whoever came last stands last, so that of peers with as many connections another one loses one.
        self._by_peer[connection.peer] = self._by_peer.pop(connection.peer, {})
        self._by_peer[connection.peer][connection.fd] = connection
        self._enter(connection, phase, now)

    def move(self, connection: Connection, phase: Phase, now: float) -> None:
        """Given a connection and the phase it enters, start that phase's time; in the same phase time goes on."""
        if connection.phase is not phase:
            self.restart(connection, phase, now)

    def restart(self, connection: Connection, phase: Phase, now: float) -> None:
        """Given a connection and a phase, give it the whole time of that phase from now on."""
        del self._by_phase[connection.phase][connection.fd]
        self._enter(connection, phase, now)

    def remove(self, connection: Connection) -> None:
        """Given a connection that is about to be closed, forget it."""
        del self._by_phase[connection.phase][connection.fd]
        del self._by_fd[connection.fd]
        peers = self._by_peer[connection.peer]
        del peers[connection.fd]
        if not peers:
            del self._by_peer[connection.peer]

    def expired(self, now: float) -> list[Connection]:
        """Return the connections whose time is up."""
        late = []
        for members in self._by_phase.values():
            for connection in members.values():
                if connection.deadline > now:
                    break
                late.append(connection)
        return late

    def next_deadline(self) -> float | None:
        """Return the earliest deadline of all, None without connections."""
        firsts = (next(iter(members.values())).deadline for members in self._by_phase.values() if members)
        return min(firsts, default=None)

    def least_deserving(self, peer: str | None = None) -> Connection | None:
        """Return who should go first: of a given peer, or else of the one that has the most, or of all.

        That is the oldest of those who linger, who keep us waiting for a handshake or a request, or who are idle; then
        the newest of those whom we keep waiting, since the older ones are served the sooner; then the slow readers.
        """
        if peer is None:
            largest = max(self._by_peer, key=self.of_peer, default=None)
            peer = largest if largest is not None and self.of_peer(largest) >= _SEVERAL else None
        if peer is None:
            kinds = [self._by_phase[phase].values() for phase in _AWAITED]
            awaited = (c for members in kinds for c in members if c.events)
            owed = (c for phase in _OWED for c in reversed(self._by_phase[phase].values()))
            readers = iter(self._by_phase[Phase.WRITING].values())
        else:
            members = self._by_peer.get(peer, {}).values()
            awaited = (c for phases in _OF_PEER for c in members if c.phase in phases and c.events)
            owed = (c for c in reversed(members) if c.phase in _OWED)
            readers = iter(members)
        return next(awaited, None) or next(owed, None) or next(readers, None)

    def _enter(self, connection: Connection, phase: Phase, now: float) -> None:
        connection.phase = phase
        connection.deadline = now + self._seconds[phase]
        self._by_phase[phase][connection.fd] = connection
