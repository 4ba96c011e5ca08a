"""The compiler's process and the conversation with it, also when it dies in the middle of a word."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import Mistake
from agent.policy.fragments import load_fragment
from agent.policy.link import link
from agent.policy.load import load
from agent.policy.protocol import Answer, Answers, Request, Status, decode_request
from agent.policy.scan import scan
from agent.policy.settings import settings_from
from agent.probes.catalogue import SIGNALS
from tests.policy.samples import BAD, GOOD

ACTIONS = ("command.run", "files.retain")
COMPILER = [sys.executable, "-I", "-m", "agent", "compile-policies"]


def compiled(request: Request) -> dict[str, Answer]:
    run = subprocess.run(COMPILER, input=request.encode(), capture_output=True, check=True, timeout=60)
    assert run.stderr == b""
    answers = Answers(request)
    found = {answer.file: answer for answer in answers.feed(run.stdout)}
    assert answers.left() == ()
    assert answers.failed("it should not") is None
    return found


def test_request_is_read_as_it_was_written() -> None:
    request = Request("/etc/\udcff", ("a.yaml", "ä\n.yaml"), ACTIONS, settings="/etc/agent.yaml", root=True)
    assert decode_request(request.encode()) == request


def test_child_compiles_to_the_set_of_a_cold_start(tmp_path: Path) -> None:
    for sample in GOOD:
        if sample.stem in {"windows", "every-field-of-a-task", "json", "many-tasks"}:
            shutil.copy(sample, tmp_path)
    files = scan(str(tmp_path)).files
    answers = compiled(Request(str(tmp_path), tuple(files), ACTIONS))
    assert {name: answer.signature for name, answer in answers.items()} == dict(files)
    fragments = {
        name: load_fragment(answer.fragment, str(tmp_path / name), answer.digest) for name, answer in answers.items()
    }
    (tmp_path / "windows.yaml").write_text((tmp_path / "windows.yaml").read_text().replace("nightly", "weekly"))
    answers = compiled(Request(str(tmp_path), ("windows.yaml",), ACTIONS))
    answer = answers["windows.yaml"]
    fragments["windows.yaml"] = load_fragment(answer.fragment, str(tmp_path / "windows.yaml"), answer.digest)
    assert link(fragments, SIGNALS) == load(str(tmp_path), SIGNALS, ACTIONS, root=False)


def test_every_status_is_answered(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text("version: 1\n")
    (tmp_path / "bad.yaml").write_text("version: 1\ntasks: {a: {acton: x, needs: [b]}}\n")
    (tmp_path / "syntax.yaml").write_text("a: [\n")
    (tmp_path / "busy.yaml").write_text("version: 1\n")
    os.mkfifo(tmp_path / "fifo.yaml")
    names = ("good.yaml", "bad.yaml", "syntax.yaml", "busy.yaml", "fifo.yaml", "gone.yaml")
    with open(tmp_path / "busy.yaml", "a"):
        found = compiled(Request(str(tmp_path), names, ACTIONS))
    assert {name: answer.status for name, answer in found.items()} == {
        "good.yaml": Status.OK,
        "bad.yaml": Status.MISTAKES,
        "syntax.yaml": Status.MISTAKES,
        "busy.yaml": Status.BUSY,
        "fifo.yaml": Status.MISTAKES,
        "gone.yaml": Status.GONE,
    }
    bad = found["bad.yaml"]
    path = str(tmp_path / "bad.yaml")
    assert Mistake(path, 2, 13, "tasks.a.acton", 'unknown key "acton"', "did you mean action?") in bad.mistakes
    assert bad.outline is not None
    assert [name.name for name in bad.outline.names] == ["a"]
    assert [reference.name for reference in bad.outline.references] == ["b"]
    assert found["syntax.yaml"].outline is None
    assert found["fifo.yaml"].signature == ""
    assert bad.digest
    assert bad.signature == scan(str(tmp_path)).files["bad.yaml"]


@pytest.mark.root
def test_child_judges_owners_only_when_asked_to(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 1\n")
    (tmp_path / "a.yaml").chmod(0o666)
    request = Request(str(tmp_path), ("a.yaml",), ACTIONS, root=True)
    (mistake,) = compiled(request)["a.yaml"].mistakes
    assert mistake.right == f"run: chmod go-w {tmp_path}/a.yaml"
    assert compiled(Request(str(tmp_path), ("a.yaml",), ACTIONS))["a.yaml"].status is Status.OK


def test_child_compiles_settings(tmp_path: Path) -> None:
    path = str(tmp_path / "agent.yaml")
    Path(path).write_text("concurrency: 3\n")
    answer = compiled(Request(str(tmp_path), (), (), settings=path))[path]
    assert answer.settings is not None
    assert settings_from(answer.settings).concurrency == 3
    Path(path).write_text("concurrency: none\n")
    (mistake,) = compiled(Request(str(tmp_path), (), (), settings=path))[path].mistakes
    assert (mistake.file, mistake.path) == (path, "concurrency")
    assert compiled(Request(str(tmp_path), (), (), settings=path + "x"))[path + "x"].status is Status.GONE


def test_name_that_is_not_utf_8_goes_through(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\n.yaml")
    (tmp_path / name).write_text("version: 1\n")
    assert compiled(Request(str(tmp_path), (name,), ACTIONS))[name].status is Status.OK


def test_bad_samples_say_the_same_through_the_child(tmp_path: Path) -> None:
    for sample in BAD:
        shutil.copy(sample, tmp_path)
    names = tuple(sample.name for sample in BAD)
    found = compiled(Request(str(tmp_path), names, ACTIONS))
    assert all(found[name].status is Status.MISTAKES and found[name].mistakes for name in names)


def test_answers_arrive_whatever_the_pieces() -> None:
    request = Request("/d", ("a", "b"), ACTIONS)
    said = (
        b'{"begin":"a"}\n{"file":"a","status":"busy"}\n{"begin":"b"}\n'
        b'{"file":"b","status":"mistakes","digest":"x","signature":"y","mistakes":[[1,2,"p","w","r"]],"outline":""}\n'
    )
    for size in (1, 2, 7, 1000):
        answers = Answers(request)
        found = [answer for start in range(0, len(said), size) for answer in answers.feed(said[start : start + size])]
        assert [(answer.file, answer.status) for answer in found] == [("a", Status.BUSY), ("b", Status.MISTAKES)]
        assert found[1].mistakes == (Mistake("/d/b", 1, 2, "p", "w", "r"),)
        assert answers.left() == ()


def test_failure_is_laid_on_the_file_that_was_begun_and_the_rest_is_left() -> None:
    answers = Answers(Request("/d", ("a", "b", "c"), ACTIONS, settings="/s"))
    answers.feed(b'{"begin":"a"}\n{"file":"a","status":"busy"}\n{"begin":"b"}\n{"file":"b","sta')
    failed = answers.failed("signal 11")
    assert failed is not None
    assert (failed.file, failed.status) == ("b", Status.MISTAKES)
    assert "signal 11" in failed.mistakes[0].wrong
    assert failed.mistakes[0].file == "/d/b"
    assert answers.left() == ("c", "/s")


def test_failure_before_anything_was_begun_is_laid_on_the_first_file() -> None:
    answers = Answers(Request("/d", ("a", "b"), ACTIONS))
    failed = answers.failed("it could not start")
    assert failed is not None
    assert failed.file == "a"
    assert answers.left() == ("b",)


def test_child_that_is_killed_has_answered_for_all_before_and_announced_the_one_it_was_at(tmp_path: Path) -> None:
    names = tuple(f"{number}.yaml" for number in range(400))
    for name in names:
        (tmp_path / name).write_text("version: 1\ndescription: |\n" + "  x\n" * 15_000)
    request = Request(str(tmp_path), names, ACTIONS)
    child = subprocess.Popen(COMPILER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(request.encode())
    child.stdin.close()
    answers = Answers(request)
    answered = answers.feed(os.read(child.stdout.fileno(), 50_000))
    child.send_signal(signal.SIGKILL)
    answered += answers.feed(child.stdout.read())
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    failed = answers.failed("signal 9")
    assert failed is not None
    assert [answer.file for answer in answered] == list(names[: len(answered)])
    assert failed.file == names[len(answered)]
    assert answers.left() == names[len(answered) + 1 :]


LIMITED = """
import sys, time
from agent.policy import child

class Compiled:
    def fragment(self):
        return "compiled"

class Stubborn:
    def __init__(self, actions):
        pass

    def policy(self, data, path):
        while b"spin" in data:
            pass
        if b"grow" in data:
            bytearray(1 << 30)
        until = time.process_time() + 0.4
        while time.process_time() < until:
            pass
        return Compiled()

sys.exit(child.main(Stubborn, memory=600 << 20, seconds=1))
"""
"""A compiler that never ends, or takes all memory, or takes its time, with bounds to match."""


def limited(directory: Path, *texts: str) -> tuple[int, list[Answer], Answers]:
    names = tuple(f"{number}.yaml" for number in range(len(texts)))
    for name, text in zip(names, texts, strict=True):
        (directory / name).write_text(text)
    request = Request(str(directory), names, ACTIONS)
    run = subprocess.run(
        [sys.executable, "-c", LIMITED], input=request.encode(), capture_output=True, check=False, timeout=30
    )
    answers = Answers(request)
    return run.returncode, answers.feed(run.stdout), answers


@pytest.mark.parametrize(("what", "ends"), [("spin", -signal.SIGXCPU), ("grow", 1)])
def test_compiler_that_takes_too_much_time_or_memory_is_ended_at_that_file(
    tmp_path: Path, what: str, ends: int
) -> None:
    code, answered, answers = limited(tmp_path, "", what, "")
    assert code == ends
    assert [answer.file for answer in answered] == ["0.yaml"]
    failed = answers.failed("limits")
    assert failed is not None
    assert failed.file == "1.yaml"
    assert answers.left() == ("2.yaml",)


def test_compiler_of_many_files_is_not_ended_for_their_number(tmp_path: Path) -> None:
    code, answered, _ = limited(tmp_path, *[""] * 5)
    assert code == 0
    assert len(answered) == 5
