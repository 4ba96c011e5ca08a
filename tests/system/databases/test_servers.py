"""The servers that other tests rely on are what they say."""

from __future__ import annotations

import pytest

from tests.system.databases import servers
from tests.system.databases.servers import Server


@pytest.fixture(params=["postgresql_server", "mariadb_server"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


def test_server_serves_a_database_of_any_name(server: Server) -> None:
    name = "a 'b\" `c; drop"
    server.create(name)
    server.sql("create table t (x int); insert into t values (1), (2)", name)
    assert server.sql("select x, x + 1 from t order by x", name) == ["1\t2", "2\t3"]
    server.drop(name)
    server.drop(name)


def test_server_fails_the_test_that_sends_nonsense(server: Server) -> None:
    with pytest.raises(AssertionError, match="nonsense"):
        server.sql("nonsense")


def test_settings_keep_the_password_in_a_file(server: Server) -> None:
    settings = server.settings("shop", by="keeper", tcp=True)
    assert servers.PASSWORD not in str(settings)
    with open(settings["password_file"], encoding="utf-8") as file:
        assert file.read() == servers.PASSWORD + "\n"
