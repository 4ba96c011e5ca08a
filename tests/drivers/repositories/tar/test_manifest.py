"""The manifest: what is written comes back, and what was cut or changed is noticed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.drivers.repositories.tar import manifest
from agent.drivers.repositories.tar.headers import Member
from agent.drivers.repositories.tar.manifest import End, Object
from agent.drivers.repository import Damaged

SUM = "0123456789abcdef" * 4
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
    kind = "file" if names is None else "directory"
    dumpdir = b"".join(code.encode() + name + b"\0" for code, name in names or ()) + b"\0"
    member = Member(path, kind, 0o640, 1, 2, 3, 3, modified, target, "c 1 3", {b"GNU.dumpdir": dumpdir})
    line = manifest.line(member, SUM)
    assert manifest.sum_of(line.encode(), member) == SUM
    assert line.isascii()
    assert line.count("\n") == 1
    end = manifest.last_line(End(**{**{name: getattr(END, name) for name in End.__struct_fields__}, "objects": 1}))
    one, last = manifest.read([line.encode(), end.encode()], "here")
    assert isinstance(one, Object)
    assert (one.entry.path, one.entry.target, one.modified, one.device) == (path, target, modified, "c 1 3")
    assert (one.entry.kind, one.entry.mode, one.entry.uid, one.entry.gid, one.entry.size) == (kind, 0o640, 1, 2, 3)
    assert one.entry.sha256 == SUM
    assert one.names == (None if names is None else tuple(names))
    assert isinstance(last, End)
    assert (last.sources, last.flaws, last.one_file_system) == (END.sources, END.flaws, True)


FILE = Member(b"/a", "file", 0o600, 0, 0, 1, 1, 1, b"", "", {})
LINE = manifest.line(FILE, SUM).encode()
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


@pytest.mark.parametrize(
    "line",
    [
        LINE[:-1],
        LINE[:-3] + b"\n",
        LINE.replace(b'"mode":384', b'"mode":385'),
        LINE.replace(b'"modified":1', b'"modified":12'),
        LINE.replace(b'"path":"/a"', b'"path":"/a\\u0000"'),
        LINE.replace(b'"sha256"', b'"target":"x","sha256"'),
        LINE.replace(b"0123", b"123"),
        LAST,
        b"",
    ],
)
def test_line_of_something_else_tells_no_sum(line: bytes) -> None:
    assert manifest.sum_of(line, FILE) is None


@pytest.mark.parametrize("dumpdir", [b"", b"Ya", b"Ya\0", b"Ya\0\0\0", b"\0Ya\0\0", None])
def test_list_of_names_that_is_not_whole_tells_no_sum(dumpdir: bytes | None) -> None:
    records = {} if dumpdir is None else {b"GNU.dumpdir": dumpdir}
    member = Member(b"/a", "directory", 0o700, 0, 0, 0, 0, 1, b"", "", records)
    assert manifest.sum_of(manifest.line(member, "").encode(), member) is None
