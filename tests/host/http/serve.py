"""A server in a process of its own, so that its memory, threads and processor time can be looked at.

Reads one line of JSON from standard input, prints its address, and serves until its standard input ends.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from agent.daemon.web import security_of
from agent.host.http import HttpServer, Limits, Request, Response, Security, address_of, listen
from agent.policy.normalise import normalise, plan_of
from agent.policy.web import web_from
from agent.schema import Schemas


def security(web: dict[str, Any]) -> Security:
    """Return what the server makes of the values of a web configuration, paths being absolute."""
    return security_of(web_from(normalise(plan_of(Schemas().web()), web, [])))


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    body = b"x" * settings.get("page_bytes", 1000)

    def page(_: Request) -> Response:
        return Response(200, body)

    def failed(path: str, error: Exception) -> None:
        sys.exit(f"{path}: {error!r}")

    listener = listen(settings.get("listen", "127.0.0.1:0"))
    limits = Limits(**settings.get("limits", {}))
    server = HttpServer([listener], {"/metrics": page}, failed, limits, security(settings.get("web", {})))
    server.start()
    if "descriptors" in settings:
        resource.setrlimit(resource.RLIMIT_NOFILE, (settings["descriptors"],) * 2)
    print(address_of(listener), flush=True)
    sys.stdin.read()
    print(json.dumps({"connections": server.counts.connections, "dropped": server.counts.dropped}), flush=True)
    server.stop()


if __name__ == "__main__":
    main()
