"""One file: fragments are whole, normalised, and the same for the same bytes; nothing makes the compiler fail."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import Mistake
from agent.model.policies import Definition, Probe, Task, Threshold, Window
from agent.policy.broken import Broken
from agent.policy.compile import Compiler
from agent.policy.fragments import fragment_from, load_fragment, options_text
from agent.schema import Schemas
from tests.policy.samples import BAD, GOOD
from tests.policy.test_yaml_fuzz import JSON_VALUES


def body_of(text: str, compiler: Compiler) -> dict[str, Any]:
    return compiler.policy(text.encode(), "p.yaml").body


@pytest.mark.parametrize("sample", GOOD, ids=lambda path: path.stem)
def test_good_sample_compiles_to_the_same_fragment_in_both_ways(sample: Path, compiler: Compiler) -> None:
    compiled = compiler.policy(sample.read_bytes(), "p.yaml")
    direct = fragment_from(compiled.body, "p.yaml", "digest")
    through_json = load_fragment(compiled.fragment(), "p.yaml", "digest")
    for kind in ("windows", "databases", "repositories", "probes", "tasks", "thresholds"):
        assert getattr(direct, kind) == getattr(through_json, kind)
    outline = through_json.outline
    assert outline is not None
    named = {(name.name, name.line, name.column) for name in outline.names}
    things: list[Window | Task | Threshold | Definition | Probe] = [*direct.windows, *direct.tasks, *direct.thresholds]
    things += [*direct.databases, *direct.repositories, *direct.probes]
    assert named == {(thing.name, thing.position.line, thing.position.column) for thing in things}


@pytest.mark.parametrize("sample", GOOD, ids=lambda path: path.stem)
def test_good_sample_compiles_to_equal_bytes_again(sample: Path, compiler: Compiler, schemas: Schemas) -> None:
    again = Compiler(schemas).policy(sample.read_bytes(), "another name.yaml").fragment()
    assert compiler.policy(sample.read_bytes(), "p.yaml").fragment() == again


SPARSE = """
version: 1
tasks:
  clean:
    schedule: "@daily"
    max_duration: 1h30m
    action: command.run
    with: {command: [a], timeout: 5m, output_limit: 1MiB}
    limits: {bytes: 10KB, percent: 80%, items: 1e3}
thresholds:
  full: {signal: disk.used_percent, outside: [1, 5.5], for: 2m}
windows:
  w: {opens: "@daily", lasts: 3h}
"""
OPTIONS = {
    "command": ["a"],
    "directory": "/",
    "environment": {},
    "grace": 10,
    "output_limit": 1048576,
    "repeatable": False,
    "skip_codes": [],
    "success_codes": [0],
    "timeout": 300,
    "undo": None,
    "user": None,
}
TASK: dict[str, Any] = {
    "action": "command.run",
    "at": (4, 3),
    "at_most": None,
    "category": "preventive",
    "description": "",
    "enabled": True,
    "limits": {"bytes": 10000, "items": 1000, "percent": 80},
    "max_duration": 5400,
    "mutes": [],
    "mutes_for": 300,
    "needs": [],
    "notify": None,
    "overlap": "skip",
    "priority": "normal",
    "retry": {"attempts": 1, "delay": 300},
    "schedule": {"catch_up": True, "cron": "@daily", "jitter": 0, "timezone": "local"},
}
THRESHOLD = {
    "at": (11, 3),
    "at_most": {"per": 86400, "times": 3},
    "change": None,
    "compare": None,
    "description": "",
    "for": 120,
    "gives_up_after": 3,
    "helps_within": None,
    "incident": None,
    "keep_for": 0,
    "labels": {},
    "no_data": "inconclusive",
    "notify": [],
    "outside": [1, 5.5],
    "parents": [],
    "run": [],
    "runbook": [],
    "samples": 1,
    "severity": "warning",
    "signal": "disk.used_percent",
    "wait_for_window": False,
}
WINDOW = {"at": (13, 3), "lasts": 10800, "opens": "@daily", "timezone": "local"}


def test_fragment_has_defaults_filled_and_quantities_as_numbers(compiler: Compiler) -> None:
    body = body_of(SPARSE, compiler)
    task = body["tasks"]["clean"]
    assert json.loads(task.pop("with")) == OPTIONS
    assert task == TASK
    assert type(task["limits"]["items"]) is int
    assert body["thresholds"]["full"] == THRESHOLD
    assert body["windows"]["w"] == WINDOW


def test_aliased_options_are_normalised_once_for_each_task(compiler: Compiler) -> None:
    text = """
version: 1
x-o: &o {command: [a], timeout: 5m}
x-s: &s {every: 10 minutes, jitter: 1m}
tasks:
  a: {action: command.run, schedule: *s, with: *o}
  b: {action: command.run, schedule: *s, with: *o}
"""
    tasks = body_of(text, compiler)["tasks"]
    assert {**tasks["a"], "at": ()} == {**tasks["b"], "at": ()}
    assert tasks["a"]["schedule"]["jitter"] == 60


def test_action_that_is_not_among_the_known_ones_is_refused_though_it_has_a_schema(schemas: Schemas) -> None:
    compiler = Compiler(schemas, actions=["files.retain"])
    with pytest.raises(Broken) as broken:
        body_of("version: 1\ntasks: {a: {action: command.run, with: {command: [x]}}}", compiler)
    (mistake,) = broken.value.mistakes
    assert mistake.wrong == 'unknown action "command.run"'
    assert mistake.right == "known actions: files.retain"


def test_broken_file_still_gives_its_names(compiler: Compiler) -> None:
    with pytest.raises(Broken) as broken:
        body_of("version: 1\ntasks: {a: {action: command.run, needs: [b], with: {comand: [x]}}}", compiler)
    outline = json.loads(broken.value.outline)
    assert outline["names"] == [["tasks", "a", 2, 9, "command.run"]]
    assert [reference[:2] for reference in outline["references"]] == [["needs", "b"]]


def test_mistake_in_the_yaml_does_not_hide_those_of_the_policy(compiler: Compiler) -> None:
    with pytest.raises(Broken) as broken:
        body_of("version: 1\ndescription: a\ndescription: b\ntasks: {a: {acton: x}}", compiler)
    assert [(mistake.line, mistake.path) for mistake in broken.value.mistakes] == [
        (3, "description"),
        (4, "tasks.a"),
        (4, "tasks.a.acton"),
    ]


SAMPLES = [path.read_text(encoding="utf-8", errors="surrogateescape") for path in GOOD + BAD]


@settings(max_examples=300)
@given(st.sampled_from(SAMPLES), st.sampled_from(SAMPLES), st.randoms(use_true_random=False))
def test_mutated_sample_compiles_or_is_explained(text: str, other: str, dice: random.Random) -> None:
    compiler = COMPILER
    for _ in range(dice.randint(1, 4)):
        start = dice.randrange(len(text) + 1)
        end = min(len(text), start + dice.randrange(12))
        from_ = dice.randrange(len(other) + 1)
        text = text[:start] + other[from_ : from_ + dice.randrange(12)] + text[end:]
    data = text.encode("utf-8", "surrogateescape")
    mistakes: tuple[Mistake, ...] = ()
    try:
        assert load_fragment(compiler.policy(data, "p.yaml").fragment(), "p.yaml", "")
    except Broken as broken:
        mistakes = broken.mistakes
        accepted = False
    else:
        accepted = True
    assert accepted or mistakes, "a file is refused without a reason"
    assert all(mistake.wrong and mistake.right for mistake in mistakes)


COMPILER = Compiler()
"""Not a fixture, because hypothesis runs a test many times within one."""


def test_long_policy_of_a_thousand_tasks_compiles(compiler: Compiler) -> None:
    tasks = "".join(
        f"  t{n}: {{action: command.run, with: {{command: [x]}}, needs: [t{n + 1}]}}\n" for n in range(1000)
    )
    body = body_of(f"version: 1\ntasks:\n{tasks}  t1000: {{action: command.run, with: {{command: [x]}}}}\n", compiler)
    assert len(body["tasks"]) == 1001


@given(st.dictionaries(st.text(max_size=4), JSON_VALUES, max_size=4))
def test_options_are_ascii_text_in_one_order_and_come_back_equal(options: dict[str, Any]) -> None:
    text = options_text(options)
    assert text.isascii()
    assert json.loads(text) == options
    assert options_text(dict(reversed(options.items()))) == text
