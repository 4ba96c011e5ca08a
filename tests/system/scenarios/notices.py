"""People are told of a run, although the one who tells them is killed, and the receiver is busy at first."""

from __future__ import annotations

from agent.model.notices import State
from tests.drivers.notifiers.peers import Peer, answer, ok
from tests.system.scenarios.scenario import SUCCEEDED, Scenario, both, due_since_long
from tests.system.world import World

_PEERS: dict[str, Peer] = {}
"""The receivers of the trials that are under way, by place."""


def listen(world: World) -> None:
    """Somebody listens who is busy when the first message comes."""
    peer = _PEERS[str(world.place)] = Peer(answer(503), ok())
    address = world.place / "ops.url"
    address.write_text(f"{peer.url}\n")
    address.chmod(0o600)
    due_since_long(world)


def start_and_be_heard(world: World) -> None:
    """The agent starts, and what it has to say is said."""
    world.start()
    world.wait(lambda: _told(world)[-1:] == ["success"] and _all_settled(world), "for the success to be told")


def _told(world: World) -> list[str]:
    """Return what the receiver was told; what came again under the same id counts once, when it came last."""
    by_id = {message["id"]: message["items"] for message in _PEERS[str(world.place)].received}
    return [item["event"] for items in by_id.values() for item in items]


def _all_settled(world: World) -> bool:
    with world.store() as store:
        return not store.outbox.notices() and not store.outbox.messages()


def everything_was_told_once_and_in_order(world: World) -> None:
    """Each notice is in one message, and every message arrived."""
    try:
        assert _told(world) == ["start", "success"]
        with world.store() as store:
            assert {kept.state for kept in store.outbox.messages(ended=True)} == {State.DELIVERED}
    finally:
        _PEERS.pop(str(world.place)).close()


TOLD = Scenario(
    name="told",
    policy="""version: 1
notifiers:
  ops: {webhook: {url_file: $place/ops.url}, group_wait: 0s}
tasks:
  heard:
    schedule: {cron: "@yearly", timezone: UTC}
    action: command.run
    with: {command: [$effect, do]}
    notify: {to: [ops], on: [start, success]}
""",
    ends={"heard": (SUCCEEDED,)},
    points=both("daemon/notice.put", "sender/notice.compose", "sender/message.retry", "sender/message.settle"),
    alone=True,
    prepare=listen,
    play=start_and_be_heard,
    prove=everything_was_told_once_and_in_order,
)

SCENARIOS = (TOLD,)
