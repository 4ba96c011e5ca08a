"""What is said of bad policies, word for word. After a change of the wording: `python -m tests.policy.golden`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.errors import Mistake, PolicyError
from agent.policy.broken import Broken
from agent.policy.compile import Compiler
from agent.policy.load import load
from agent.schema import Schemas
from tests.policy.samples import BAD, SETS, SIGNALS, expected


def said_of(sample: Path, compiler: Compiler) -> str:
    with pytest.raises(Broken) as broken:
        compiler.policy(sample.read_bytes(), sample.name)
    return "".join(f"{mistake}\n" for mistake in broken.value.mistakes)


def said_of_set(directory: Path, schemas: Schemas) -> str:
    try:
        load(str(directory), SIGNALS, root=False, schemas=schemas)
    except PolicyError as error:
        return "".join(f"{mistake}\n".replace(f"{directory}/", "") for mistake in error.mistakes)
    return ""


@pytest.mark.parametrize("sample", BAD, ids=lambda path: path.stem)
def test_bad_sample_gets_exactly_its_messages(sample: Path, compiler: Compiler) -> None:
    assert said_of(sample, compiler) == expected(sample)


@pytest.mark.parametrize("directory", SETS, ids=lambda path: path.name)
def test_set_gets_exactly_its_messages(directory: Path, schemas: Schemas) -> None:
    assert said_of_set(directory, schemas) == expected(directory)


@pytest.mark.parametrize("sample", BAD, ids=lambda path: path.stem)
def test_every_mistake_says_what_would_be_right(sample: Path, compiler: Compiler) -> None:
    with pytest.raises(Broken) as broken:
        compiler.policy(sample.read_bytes(), sample.name)
    for mistake in broken.value.mistakes:
        assert mistake.wrong
        assert mistake.right
        assert mistake.line >= 1
        assert mistake.column >= 1
        assert str(mistake).isascii() or "—" in str(mistake)
        assert "\n" not in str(mistake)


def test_mistakes_of_one_file_do_not_hide_those_of_another(tmp_path: Path, schemas: Schemas) -> None:
    for number in range(5):
        (tmp_path / f"{number}.yaml").write_text(f"version: {number + 2}\n")
    with pytest.raises(PolicyError) as error:
        load(str(tmp_path), SIGNALS, root=False, schemas=schemas)
    assert [Path(mistake.file).name for mistake in error.value.mistakes] == [f"{number}.yaml" for number in range(5)]


def test_disagreement_of_the_libraries_still_gives_a_mistake(tmp_path: Path) -> None:
    """A schema that means different things to the two libraries: to one, `\\d` is ASCII, to the other it is not."""
    (tmp_path / "actions").mkdir()
    for name in ("policy.schema.json", "agent.schema.json"):
        (tmp_path / name).write_bytes(Path(Schemas().folder, name).read_bytes())
    schema = {"type": "object", "properties": {"shard": {"type": "string", "pattern": "^\\d$"}}}
    (tmp_path / "actions" / "demo.act.json").write_text(json.dumps(schema))
    text = "version: 1\ntasks: {a: {action: demo.act, with: {shard: ٣}}}\n"
    with pytest.raises(Broken) as broken:
        Compiler(Schemas(str(tmp_path))).policy(text.encode(), "p.yaml")
    (mistake,) = broken.value.mistakes
    assert (mistake.line, mistake.column, mistake.path) == (2, 45, "tasks.a.with.shard")


def test_mistake_is_one_line_of_text_in_the_promised_order() -> None:
    assert (
        str(Mistake("a.yaml", 3, 14, "tasks.a", "is wrong", "do right")) == "a.yaml:3:14: tasks.a: is wrong: do right"
    )
