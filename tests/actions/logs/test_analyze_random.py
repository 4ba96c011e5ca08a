from __future__ import annotations

import os
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.host.following import LINGER
from tests.actions.logs.test_analyze import Analyst
from tests.host.following.test_follower_random import World
from tests.host.following.ticks import tick

RECORDS = (
    b"INFO one %d\n",
    b"ERROR two %d\n  with more\n\tof it\n",
    b"Traceback (most recent call last):\n  File %d\nValueError: y\n",
    b"  of something else %d\n",
    b"loaded %d -----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
)
ACTS = st.one_of(
    st.tuples(st.just("write"), st.lists(st.sampled_from(RECORDS), max_size=8)),
    st.tuples(st.just("cut"), st.sampled_from(RECORDS)),
    *(st.tuples(st.just(name), st.none()) for name in ("rename", "copy_and_truncate", "compress", "look")),
)


@given(acts=st.lists(ACTS, max_size=20), most=st.sampled_from([40, 1 << 30]))
@settings(max_examples=25, deadline=None)
def test_analyze_whatever_rotation_does_counts_every_line_once(acts: list[tuple[str, object]], most: int) -> None:
    with TemporaryDirectory() as directory:
        world = World(directory)
        analyst = Analyst(files=[str(world.log)], max_bytes=most)
        written = counted = 0

        def look(later: float) -> int:
            now = tick()
            analyst.clock.wall = datetime.fromtimestamp(now + later, UTC)
            lines = int(str(analyst.run()["lines"]))
            assert not analyst.number("lost")
            tick()
            return lines

        counted += look(0.0)
        for name, content in acts:
            if name in ("write", "cut"):
                world.reopen()
                records = content if isinstance(content, list) else [content]
                text = b"".join(record % (written + number) for number, record in enumerate(records))
                for part in [text] if name == "write" else [text[:3], text[3:]]:
                    os.write(world.writer, part)
                    counted += look(0.0) if name == "cut" else 0
                written += text.count(b"\n")
            elif name == "look":
                counted += look(0.0)
            elif name == "rename":
                world.rename(reopen=True)
            else:
                getattr(world, name)()
        quiet = 0
        while quiet < 3:
            more = look(2 * LINGER)
            quiet = quiet + 1 if more == 0 else 0
            counted += more
        os.close(world.writer)
        assert counted == written
