"""The manifest: what is written comes back, and what was cut or changed is noticed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.drivers.repositories.tar import manifest
from agent.drivers.repositories.tar.manifest import End, Object
from agent.drivers.repository import Damaged

NAMES = st.binary(min_size=1, max_size=40).map(lambda raw: raw.replace(b"\0", b"0"))
END = End(objects=0, sources=("/srv/\udcff",), exclude=("*.tmp",), one_file_system=True, flaws=("gone",), left_out=())


@given(
    path=NAMES.map(lambda name: b"/" + name),
    modified=st.integers(-(10**19), 10**19),
    target=st.one_of(st.just(b""), NAMES),
    names=st.one_of(st.none(), st.lists(st.tuples(st.sampled_from("YND"), NAMES), max_size=4)),
)
@settings(max_examples=150, deadline=None)
def test_object_comes_back_as_it_was(
    path: bytes, modified: int, target: bytes, names: list[tuple[str, bytes]] | None
) -> None:
    line = manifest.line(
        path, "file", 0o640, 1, 2, 3, modified, blake3="ab", target=target, device="c 1 3", names=names
    )
    assert line.isascii()
    assert line.count("\n") == 1
    end = manifest.last_line(End(**{**{name: getattr(END, name) for name in End.__struct_fields__}, "objects": 1}))
    one, last = manifest.read([line.encode(), end.encode()], "here")
    assert isinstance(one, Object)
    assert (one.entry.path, one.entry.target, one.modified, one.device) == (path, target, modified, "c 1 3")
    assert (one.entry.kind, one.entry.mode, one.entry.uid, one.entry.gid, one.entry.size) == ("file", 0o640, 1, 2, 3)
    assert one.entry.blake3 == "ab"
    assert one.names == (None if names is None else tuple(names))
    assert isinstance(last, End)
    assert (last.sources, last.flaws, last.one_file_system) == (END.sources, END.flaws, True)


LINE = manifest.line(b"/a", "file", 0o600, 0, 0, 1, 1, blake3="00").encode()
LAST = manifest.last_line(END).encode()


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [LINE],
        [LINE, LAST],
        [LAST, LAST],
        [LAST, LINE],
        [b"{}\n", LAST],
        [b"nothing\n"],
        [b"[]\n"],
        [json.dumps({**json.loads(LINE), "mode": "0600"}).encode(), LAST],
        [json.dumps({**json.loads(LINE), "names": "Ya"}).encode(), LAST],
        [json.dumps({**json.loads(LINE), "path": 1}).encode(), LAST],
        [json.dumps({**json.loads(LAST), "flaws": 1}).encode()],
        [b'{"end": 1, "objects": 0}\n'],
    ],
)
def test_lines_that_are_not_what_was_written_are_damaged(lines: list[bytes]) -> None:
    with pytest.raises(Damaged):
        list(manifest.read(lines, "here"))


def test_empty_manifest_has_an_end() -> None:
    assert list(manifest.read([LAST], "here")) == [END]
