from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.drivers.databases.postgresql.conninfo import parsed, written
from agent.errors import RunFailed

WORDS = st.dictionaries(
    st.sampled_from(["host", "port", "dbname", "user", "sslmode"]), st.text().filter(lambda text: "\0" not in text)
)


@given(WORDS)
def test_parsed_reads_what_is_written(words: dict[str, str]) -> None:
    assert parsed(written(words)) == words


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        ("", {}),
        ("host=/run/postgresql dbname=shop", {"host": "/run/postgresql", "dbname": "shop"}),
        (r"dbname = a\ b  user='it\'s'", {"dbname": "a b", "user": "it's"}),
        (
            "postgresql://me@db.example:5433/my%20shop?sslmode=require",
            {"host": "db.example", "port": "5433", "user": "me", "dbname": "my shop", "sslmode": "require"},
        ),
        ("postgres:///shop?host=/run/postgresql", {"dbname": "shop", "host": "/run/postgresql"}),
        ("postgresql://a,[::1]:5/shop", {"host": "a,::1", "port": ",5", "dbname": "shop"}),
    ],
)
def test_parsed_reads_both_forms(dsn: str, words: dict[str, str]) -> None:
    assert parsed(dsn) == words


@pytest.mark.parametrize("dsn", ["shop", "dbname=a nonsense", "dbname='a", "user='it''' dbname=b", "Host=a"])
def test_parsed_nonsense_is_told(dsn: str) -> None:
    with pytest.raises(RunFailed, match="no connection string"):
        parsed(dsn)


@pytest.mark.parametrize("dsn", ["dbname=a password=geheim", "postgresql://me:geheim@host/a", "sslpassword='geheim'"])
def test_parsed_password_is_refused_and_not_repeated(dsn: str) -> None:
    with pytest.raises(RunFailed, match="password_file") as caught:
        parsed(dsn)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("dsn", ["postgresql://host:port/shop", "postgresql://[::1/shop", "postgres://a:1:2/shop"])
def test_uri_that_names_no_place_fails_and_says_how_it_is_written(dsn: str) -> None:
    with pytest.raises(RunFailed, match="no connection string: write it as postgresql://"):
        parsed(dsn)
