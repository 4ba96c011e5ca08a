"""A scraper in a process of its own, which no crowd in the test's process slows down.

Reads one line of JSON from standard input, and scrapes until its standard input ends; prints the seconds of each.
"""

from __future__ import annotations

import json
import select
import ssl
import sys

from tests.host.http.client import Served


def main() -> None:
    settings = json.loads(sys.stdin.readline())
    server = Served(0, tuple(settings["address"]))
    server.context = ssl.create_default_context(cafile=settings["cafile"])
    server.authorization = settings["authorization"]
    while not select.select([sys.stdin], [], [], 0.02)[0]:
        print(server.scrape(), flush=True)


if __name__ == "__main__":
    main()
