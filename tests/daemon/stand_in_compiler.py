"""Stands in for the compiler's process: what it does with a file is in the file's name.

`kill-...` ends it with SIGKILL, `exit-...` with exit code 3, `stop-...` as if it were done, `half-...` in the middle of
an answer; `busy-...` is said to be being written. Any other file has one mistake.
"""

from __future__ import annotations

import json
import os
import signal
import sys


def main() -> None:
    for name in json.load(sys.stdin)["files"]:
        say({"begin": name})
        match name.partition("-")[0]:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                sys.exit(3)
            case "stop":
                sys.exit(0)
            case "half":
                os.write(1, b'{"file": "')
                os.kill(os.getpid(), signal.SIGKILL)
            case "busy":
                say({"file": name, "status": "busy"})
                continue
        say({"file": name, "status": "mistakes", "digest": "d", "signature": "s", "mistakes": [[1, 2, "", "bad", ""]]})


def say(body: object) -> None:
    os.write(1, json.dumps(body).encode() + b"\n")


main()
