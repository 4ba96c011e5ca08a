"""`python -m tests.system.bed SUITE [COMMAND...]`: boot a bed, run the command in it, or only say how long it took."""

from __future__ import annotations

import sys
import time

from tests.system.bed import Bed, why_not


def main(suite: str, *command: str) -> int:
    """Given a suite and a command, return the command's exit code."""
    if reason := why_not():
        print(reason, file=sys.stderr)
        return 1
    begun = time.monotonic()
    with Bed.up(suite) as bed:
        if not command:
            print(f"{bed.out('systemctl', '--version').splitlines()[0]}: up in {time.monotonic() - begun:.2f} s")
            return 0
        done = bed.run(*command, check=False, timeout=3600.0)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
