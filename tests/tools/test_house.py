"""Each check of the house finds what it is for, and leaves what is right alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools.house import documents, lengths, links, policies, schemas, words

ROOT = Path("/checkout")
UNFINISHED = "TO" + "DO"


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        (f"x = 1  # {UNFINISHED} later", UNFINISHED),
        ("see https://" + "somewhere.net/page", "somewhere.net"),
        ("open('/checkout/agent')", "directory of this checkout"),
    ],
)
def test_words_with_something_that_must_not_stay_are_found(line: str, finding: str) -> None:
    (found,) = words.check(ROOT, ROOT / "a.py", f"fine\n{line}\n")
    assert found.startswith("a.py:2: ")
    assert finding in found


@pytest.mark.parametrize(
    "line", ["http://127.0.0.1:9090", "https://hostkeeper.example/x", "a method of todos", "/check"]
)
def test_words_of_ordinary_text_pass(line: str) -> None:
    assert list(words.check(ROOT, ROOT / "a.py", line)) == []


def test_lengths_past_the_budget_without_a_reason_are_found() -> None:
    body = "    x = 1\n"
    sources = {"a.py": "def f():\n" + body * 40, "b.py": "def g():\n" + body * 39, "c.py": "x = 1\n" * 301}
    found = list(lengths.check(sources, {}))
    assert [line.split(":")[0] for line in found] == ["a.py", "c.py"]
    assert list(lengths.check(sources, {"a.py:f": "a table", "c.py": "one list"})) == []


def test_lengths_with_a_reason_that_is_not_needed_are_found() -> None:
    (found,) = lengths.check({"a.py": ""}, {"a.py": "long"})
    assert "remove the line" in found


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# A heading\n\n## Twice\n\n## Twice\n", encoding="utf-8")
    text = "[1](b.md) [2](b.md#a-heading) [3](b.md#twice-1) [4](c.md) [5](b.md#none) [6](http://x.example)\n```\n[7](no)\n```\n"
    found = list(links.check(tmp_path, tmp_path / "a.md", text))
    assert found == [
        "a.md: link to c.md: there is no such file",
        "a.md: link to b.md#none: there is no such heading",
    ]


def action(**changes: Any) -> dict[str, Any]:
    count = {"type": "integer", "description": "How many.", "default": 1}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {"count": count},
        "examples": [{"count": 2}],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"type": "objekt"}, "objekt"),
        ({"additionalProperties": True}, "must forbid extra keys"),
        ({"examples": []}, "at least one example"),
        ({"examples": [{"count": "2"}]}, "'2' is not of type 'integer'"),
        ({"properties": {"count": {"type": "integer", "default": 1}}}, "no description"),
        ({"properties": {"count": {"type": "integer", "description": "?", "default": "1"}}}, "'1' is not of type"),
        ({"properties": {"count": {"description": "?"}}}, "either required or have a default"),
        ({"required": ["count"]}, "either required or have a default"),
    ],
)
def test_schemas_with_a_flaw_are_found(changes: dict[str, Any], finding: str) -> None:
    assert finding in "\n".join(schemas.check({"actions/a.b.json": action(**changes)}))


def test_schemas_without_a_flaw_pass() -> None:
    assert list(schemas.check({"actions/a.b.json": action()})) == []


def test_schemas_that_leave_extra_keys_undecided_are_found() -> None:
    inner = {"type": "object", "properties": {"a": {"description": "?"}}}
    found = list(schemas.check({"policy.json": {"$defs": {"thing": inner}}}))
    assert found == ["policy.json#/$defs/thing: additionalProperties is not decided"]


def test_documents_with_a_fragment_that_is_no_yaml_are_found() -> None:
    text = "```yaml fragment\na: [1\n```\n\n```yaml fragment\na: [1]\n```\n"
    (found,) = documents.fragments("a.md", text)
    assert found.startswith("a.md:1: ")


def test_documents_yield_their_complete_policies_with_lines() -> None:
    text = "one\n```yaml\nversion: 1\n```\n```yaml fragment\nb: 2\n```\n"
    assert list(documents.policies(text)) == [(2, "version: 1\n")]


@pytest.mark.parametrize(
    ("readme", "findings"),
    [
        ("```console\n$ hostkeeper --help\nusage: hostkeeper\n  COMMAND\n```\n", 0),
        ("```console\n$ hostkeeper --help\nusage: other\n```\n", 1),
        ("no help here\n", 0),
    ],
)
def test_documents_must_show_the_real_help(readme: str, findings: int) -> None:
    assert len(list(documents.shown_help("a.md", readme, "usage: hostkeeper COMMAND\n"))) == findings


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("```console\n$ hostkeeper chekc\n```\n", "a.md:2: hostkeeper: argument COMMAND: invalid choice"),
        ("```console\n$ hostkeeper calendar --dais 3\n```\n", "a.md:2: hostkeeper: unrecognized arguments"),
        ("```\nhostkeeper chekc DIR   every mistake\n```\n", "a.md:2: hostkeeper: argument COMMAND"),
        ("say `hostkeeper chekc` first", "a.md:1: there is no command chekc"),
    ],
)
def test_documents_with_a_command_that_does_not_exist_are_found(text: str, finding: str) -> None:
    (found,) = documents.commands("a.md", text)
    assert found.startswith(finding)


def test_documents_with_real_commands_pass() -> None:
    shown = ["$ hostkeeper --help", "$ hostkeeper calendar --days 3", ".venv/bin/hostkeeper why TASK|RUN   the reason"]
    text = "\n".join(["1. first", "   ```console", *shown, "   ```", "say `hostkeeper check`"])
    assert list(documents.commands("a.md", text)) == []


def test_policies_in_documents_with_a_mistake_are_found_at_their_line() -> None:
    text = "one\n```yaml\nversion: 1\ntasks:\n  a: {action: no.such}\n```\n"
    (found,) = policies.in_document("a.md", documents.policies(text))
    assert found.startswith("a.md:5: tasks.a.action: unknown action")


def test_policies_in_folders_with_a_mistake_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("version: 2\n", encoding="utf-8")
    (found,) = policies.in_folder(tmp_path, tmp_path)
    assert found.startswith("a.yaml:1:")


def test_settings_of_examples_with_a_mistake_are_found(tmp_path: Path) -> None:
    (tmp_path / "examples" / "a").mkdir(parents=True)
    (tmp_path / "examples" / "a" / "agent.yaml").write_text("concurrency: many\n", encoding="utf-8")
    (found,) = policies.settings(tmp_path)
    assert found.startswith("examples/a/agent.yaml:1:")


def test_documents_that_name_a_metric_which_does_not_exist_are_found() -> None:
    text = "`hostkeeper_hold == 1`, `hostkeeper_run_seconds_bucket`\n`hostkeeper_holds`"
    known = "| `hostkeeper_hold` |\n| `hostkeeper_run_seconds` |"
    assert list(documents.metrics("a.md", text, known)) == ["a.md:2: there is no metric hostkeeper_holds"]
