from __future__ import annotations

import hashlib

import pytest

from agent.drivers.repositories.pgbackrest.manifest import Unreadable, manifest, sections

_BODY = {
    "backrest": {"backrest-format": "5", "backrest-version": '"2.45"'},
    "backup:option": {"option-compress-type": '"gz"'},
    "backup:target": {"pg_data": '{"path":"/srv/pg","type":"path"}'},
    "target:file": {
        "pg_data/PG_VERSION": '{"repo-size":23,"size":3}',
        "pg_data/a=b": '{"bni":1,"bno":10,"repo-size":5,"size":9}',
        "pg_data/empty": '{"size":0}',
        "pg_data/old": '{"reference":"before","repo-size":7,"size":8}',
        "pg_data/ü": '{"bni":1,"repo-size":10,"size":9}',
    },
}


def written(body: dict[str, dict[str, str]]) -> bytes:
    """Return a file as pgBackRest writes it, which was compared with real ones by the tests of the whole."""
    inner = ",".join(
        f'"{name}":{{' + ",".join(f'"{k}":{v}' for k, v in pairs.items()) + "}" for name, pairs in body.items()
    )
    digest = hashlib.sha1(f"{{{inner}}}".encode(), usedforsecurity=False).hexdigest()
    text = "\n".join(f"[{name}]\n" + "".join(f"{k}={v}\n" for k, v in pairs.items()) for name, pairs in body.items())
    return f'{text}\n[backrest]\nbackrest-checksum="{digest}"\n'.encode()


def test_manifest_says_where_each_file_lies() -> None:
    made = manifest("this", sections(written(_BODY)))
    assert made.directory == "/srv/pg"
    assert {(one.name, one.backup, one.path, one.end, one.whole) for one in made.files} == {
        ("pg_data/PG_VERSION", "this", "pg_data/PG_VERSION.gz", 23, True),
        ("pg_data/a=b", "this", "bundle/1", 15, False),
        ("pg_data/empty", "this", "", 0, False),
        ("pg_data/old", "before", "pg_data/old.gz", 7, True),
        ("pg_data/ü", "this", "bundle/1", 10, False),
    }


def test_every_flipped_bit_of_a_file_is_found() -> None:
    content = written(_BODY)
    passed = [
        (at, bit)
        for at in range(len(content))
        for bit in range(8)
        if readable(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
    ]
    assert passed == []


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -30])
def test_cut_file_is_found(cut: int) -> None:
    content = written(_BODY)
    assert readable(content)
    assert not readable(content[:cut]) or content[:cut] + b"\n" == content


def readable(content: bytes) -> bool:
    try:
        sections(content)
    except Unreadable:
        return False
    return True


@pytest.mark.parametrize("lacking", ["backup:option", "backup:target"])
def test_file_that_is_no_manifest_is_unreadable(lacking: str) -> None:
    found = sections(written({name: pairs for name, pairs in _BODY.items() if name != lacking}))
    with pytest.raises(Unreadable):
        manifest("this", found)
