"""Who is asked for a password, and what every answer says beside what was asked for."""

from __future__ import annotations

import socket
from typing import Any

import bcrypt
import pytest

from agent.host.http import HttpServer, Limits, Request, Response, listen
from tests.host.http.client import GET, authorized, basic
from tests.host.http.conftest import Serve
from tests.host.http.serve import security


@pytest.fixture(scope="module")
def users() -> dict[str, Any]:
    return {"basic_auth_users": {"prometheus": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()}}


def test_every_path_asks_who_it_is(serve: Serve, users: dict[str, Any]) -> None:
    made = serve(users)
    for request in (GET, GET.replace(b"/metrics", b"/"), authorized(basic("prometheus", "wrong"))):
        answer = made.ask(request)[0]
        assert (answer.status, answer.headers["connection"]) == (401, "close")
        assert answer.headers["www-authenticate"] == 'basic realm="hostkeeper", charset="utf-8"'
    good = authorized(basic("prometheus", "secret"))
    assert [answer.status for answer in made.ask(good, good, good)] == [200, 200, 200]
    assert made.ask(good.replace(b"/metrics", b"/nothing"))[0].status == 404


def test_user_that_is_taken_out_is_no_longer_let_in(serve: Serve, users: dict[str, Any]) -> None:
    made = serve(users)
    good = authorized(basic("prometheus", "secret"))
    assert made.ask(good)[0].status == 200
    others = {"basic_auth_users": {"other": users["basic_auth_users"]["prometheus"]}}
    made.server.secure(security({"tls_server_config": made.files("server"), **others}))
    assert made.ask(good)[0].status == 401
    assert made.ask(authorized(basic("other", "secret")))[0].status == 200


def test_fields_of_the_settings_are_in_every_answer_but_its_own_win(serve: Serve) -> None:
    fields = {"X-Frame-Options": "deny", "Strict-Transport-Security": "max-age=9"}
    made = serve({"http_server_config": {"headers": fields}})
    for request in (GET, GET.replace(b"/metrics", b"/nothing"), b"\n"):
        headers = made.ask(request)[0].headers
        assert (headers["x-frame-options"], headers["strict-transport-security"]) == ("deny", "max-age=9")


def own_field(_: Request) -> Response:
    return Response(200, b"", headers=(("X-Frame-Options", "sameorigin"),))


def test_field_of_an_answer_is_not_said_twice() -> None:
    listener = listen("127.0.0.1:0")
    fields = {"http_server_config": {"headers": {"X-Frame-Options": "deny"}}}
    server = HttpServer([listener], {"/metrics": own_field}, lambda _, __: None, Limits(), security(fields))
    server.start()
    with socket.create_connection(listener.getsockname(), 5) as client:
        client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        said = b"".join(iter(lambda: client.recv(65536), b""))
    server.stop()
    assert said.count(b"X-Frame-Options") == 1
