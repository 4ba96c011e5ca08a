"""The route of the status page: drawn by a process, one at a time, kept for the moment."""

from __future__ import annotations

import gzip
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.daemon.page import FRESH_SECONDS, KEPT, StatusPage
from agent.engine.visit import Visit
from agent.host.http import Later, Request, Response

DRAWS = """
import json, os, sys, time
visit = json.load(sys.stdin)
with open({log!r}, "a") as log:
    log.write(visit["query"] + chr(10))
{body}
print("200 sha256-abc")
print("<p>" + visit["query"])
"""


class Drawing:
    """A status page that is drawn by a program of the test's."""

    def __init__(self, place: Path, body: str = "") -> None:
        self.log = place / "log"
        self.log.touch()
        program = DRAWS.format(log=str(self.log), body=body)
        self.page = StatusPage(
            lambda query: Visit("/state", query, 4, "UTC", "host", 10.0), (sys.executable, "-I", "-c", program)
        )

    @property
    def drawn(self) -> list[str]:
        return self.log.read_text().splitlines()

    def ask(self, query: str = "", **headers: str) -> Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        found = self.page(Request("GET", "/", query, fields, keep_alive=True))
        return found.make() if isinstance(found, Later) else found


@pytest.fixture
def drawing(tmp_path: Path) -> Iterator[Drawing]:
    made = Drawing(tmp_path)
    yield made
    made.page.stop()


def test_page_is_drawn_once_for_a_moment(drawing: Drawing) -> None:
    first = drawing.ask("view=tasks")
    assert (first.status, first.body) == (200, b"<p>view=tasks\n")
    assert drawing.ask("view=tasks") == first
    assert drawing.drawn == ["view=tasks"]
    drawing.ask()
    assert drawing.drawn == ["view=tasks", ""]


def test_page_is_drawn_anew_after_the_moment(drawing: Drawing) -> None:
    drawing.ask()
    ends = time.monotonic() + FRESH_SECONDS + 5
    while len(drawing.drawn) < 2:
        drawing.ask()
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_page_that_several_wait_for_is_drawn_once(drawing: Drawing) -> None:
    request = Request("GET", "/", "", {}, keep_alive=True)
    waiting = [drawing.page(request) for _ in range(3)]
    answers = [later.make() for later in waiting if isinstance(later, Later)]
    assert len(answers) == 3
    assert answers[0] == answers[1] == answers[2]
    assert drawing.drawn == [""]


def test_page_is_gzipped_where_that_is_welcome(drawing: Drawing) -> None:
    plain, gzipped = drawing.ask(), drawing.ask(accept_encoding="gzip, br")
    assert dict(gzipped.headers)["Content-Encoding"] == "gzip"
    assert gzip.decompress(gzipped.body) == plain.body
    assert "Content-Encoding" not in dict(plain.headers)
    assert dict(plain.headers)["Vary"] == "Accept-Encoding"


def test_page_that_is_known_is_not_sent_again(drawing: Drawing) -> None:
    tag = dict(drawing.ask().headers)["ETag"]
    known = drawing.ask(if_none_match=f'W/"other", {tag}')
    assert (known.status, known.body) == (304, b"")
    assert dict(known.headers)["ETag"] == tag
    assert drawing.ask(if_none_match='W/"other"').status == 200


def test_page_may_run_and_load_nothing(drawing: Drawing) -> None:
    headers = dict(drawing.ask().headers)
    policy = headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "style-src 'sha256-abc'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not any("script" in part or "unsafe" in part for part in policy)
    assert headers["Cache-Control"] == "private, no-cache"


def test_few_pages_are_kept(drawing: Drawing) -> None:
    for number in range(KEPT + 1):
        drawing.ask(str(number))
    drawing.ask("0")
    assert drawing.drawn.count("0") == 2


@pytest.mark.parametrize(
    "body",
    [
        "sys.exit(3)",
        "os.kill(os.getpid(), 9)",
        "print('nonsense'); sys.exit()",
        "print('x' * 2_000_000); time.sleep(60)",
    ],
)
def test_page_that_cannot_be_drawn_is_told(tmp_path: Path, body: str, caplog: pytest.LogCaptureFixture) -> None:
    drawing = Drawing(tmp_path, body)
    answer = drawing.ask()
    assert answer.status == 503
    assert b"hostkeeper status" in answer.body
    assert "the status page: " in caplog.text


def test_program_that_cannot_be_started_is_told(caplog: pytest.LogCaptureFixture) -> None:
    page = StatusPage(lambda query: Visit("/state", query, 4, "UTC", "host", 10.0), ("/nonexistent",))
    later = page(Request("GET", "/", "", {}, keep_alive=True))
    assert isinstance(later, Later)
    assert later.make().status == 503
    assert "No such file" in caplog.text


def test_stop_ends_the_process_that_draws(tmp_path: Path) -> None:
    drawing = Drawing(tmp_path, f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    answers: list[Response] = []
    thread = threading.Thread(target=lambda: answers.append(drawing.ask()))
    thread.start()
    ends = time.monotonic() + 10
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        assert time.monotonic() < ends
        time.sleep(0.01)
    drawing.page.stop()
    thread.join(10)
    assert [answer.status for answer in answers] == [503]
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text()}")


def test_drawing_takes_half_a_processor_at_most(tmp_path: Path) -> None:
    drawing = Drawing(tmp_path, "time.sleep(0.3)")
    began = time.monotonic()
    for number in range(3):
        drawing.ask(str(number))
    assert time.monotonic() - began >= 5 * 0.3
