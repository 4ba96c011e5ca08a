from __future__ import annotations

from agent.host.identity import host_id


def test_host_id_is_what_is_configured_or_else_the_machines_own() -> None:
    assert host_id("shop-1") == "shop-1"
    assert host_id("") == host_id("")
    assert host_id("")
