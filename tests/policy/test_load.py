"""A whole directory, in one process."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import PolicyError
from agent.model.conditions import Against, As, Bound, Comparison, Condition, NoData, Rate
from agent.model.policies import (
    Breaker,
    Category,
    Limits,
    Overlap,
    PolicySet,
    Position,
    Priority,
    Retry,
    Schedule,
    Severity,
    Task,
    Threshold,
    Window,
)
from agent.policy.compile import Compiler
from agent.policy.load import load
from agent.probes.catalogue import SIGNALS as REAL_SIGNALS
from agent.schema import Schemas
from tests.policy.samples import GOOD, HERE, SIGNALS


def write(directory: Path, **files: str) -> None:
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(f"version: 1\n{text}")


def mistakes(directory: Path, schemas: Schemas, *, root: bool = False) -> list[str]:
    with pytest.raises(PolicyError) as error:
        load(str(directory), SIGNALS, root=root, schemas=schemas)
    return [str(mistake).removeprefix(f"{directory}/") for mistake in error.value.mistakes]


@pytest.mark.parametrize("sample", GOOD, ids=lambda path: path.stem)
def test_good_sample_is_a_valid_set_with_the_actions_and_signals_that_there_are(sample: Path, tmp_path: Path) -> None:
    shutil.copy(sample, tmp_path)
    assert load(str(tmp_path), REAL_SIGNALS, root=False).files == 1


def good(directory: Path, name: str, schemas: Schemas) -> tuple[PolicySet, str]:
    """Return the set of one good sample, and the sample's path."""
    shutil.copy(HERE / "samples" / "good" / f"{name}.yaml", directory)
    return load(str(directory), SIGNALS, root=False, schemas=schemas), str(directory / f"{name}.yaml")


def test_every_field_of_a_task_and_a_window_reaches_the_model(tmp_path: Path, schemas: Schemas) -> None:
    policies, file = good(tmp_path, "every-field-of-a-task", schemas)
    assert policies.windows["nightly"] == Window("nightly", "0 2 * * *", 10800, "Europe/Berlin", Position(file, 4, 3))
    assert policies.tasks["clean-uploads"] == Task(
        name="clean-uploads",
        description="Keep the upload directory small",
        category=Category.CORRECTIVE,
        action="files.retain",
        options='{"exclude":["keep-*"],"match":["*.part"],"max_age":604800.0,"paths":["/srv/shop/uploads/tmp"]}',
        schedule=Schedule("15 2 * * *", "Europe/Berlin", 600, catch_up=False),
        window="nightly",
        priority=Priority.HIGH,
        needs=("prepare",),
        enabled=False,
        max_duration=2700,
        retry=Retry(2, 90),
        overlap=Overlap.QUEUE,
        limits=Limits(50000, 10 << 30, 80),
        at_most=Breaker(3, 86400),
        position=Position(file, 10, 3),
        mutes=("busy",),
        mutes_for=120,
    )


def test_every_field_of_a_threshold_reaches_the_model(tmp_path: Path, schemas: Schemas) -> None:
    policies, file = good(tmp_path, "every-field-of-a-threshold", schemas)
    assert policies.thresholds["root-filling"] == Threshold(
        name="root-filling",
        description="The root file system is nearly full",
        condition=Condition(
            signal="disk.used_percent",
            labels={"mountpoint": "/"},
            bound=Bound(above=90),
            clear=Bound(above=85),
            for_=600,
            samples=3,
            of=5,
            keep_for=900,
            no_data=NoData.FAIL,
            change=Rate(over=1800, per=3600),
        ),
        severity=Severity.CRITICAL,
        run=("clean-uploads",),
        at_most=Breaker(3, 86400),
        position=Position(file, 7, 3),
        wait_for_window=True,
        helps_within=600,
        gives_up_after=2,
        parents=("unusual",),
    )


def test_comparison_of_a_threshold_reaches_the_model(tmp_path: Path, schemas: Schemas) -> None:
    policies, _ = good(tmp_path, "every-field-of-a-threshold", schemas)
    condition = policies.thresholds["unusual"].condition
    assert condition.compare == Comparison(Against.LAST_WEEK, As.PERCENT)
    assert condition.bound == condition.clear == Bound(not_equals=1)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("'@daily'", "@daily"),
        ("every 10 minutes", "every 10 minutes"),
        ("{cron: '5 4 * * *'}", "5 4 * * *"),
        ("{every: monday at 03:00}", "every monday at 03:00"),
    ],
)
def test_schedule_is_one_text_however_it_is_written(tmp_path: Path, schemas: Schemas, text: str, schedule: str) -> None:
    write(tmp_path, a=f"tasks: {{a: {{action: command.run, schedule: {text}, with: {{command: [x]}}}}}}")
    task = load(str(tmp_path), SIGNALS, root=False, schemas=schemas).tasks["a"]
    assert task.schedule == Schedule(schedule, "local", 0, catch_up=True)


@pytest.mark.parametrize(
    ("bound", "clear"),
    [
        ("above: 90", Bound(above=90)),
        ("above: 90, clear_below: 80", Bound(above=80)),
        ("below: 10", Bound(below=10)),
        ("below: 10, clear_above: 20", Bound(below=20)),
        ("outside: [1, 2]", Bound(outside=(1, 2))),
        ("outside: [1, 9], clear_inside: [2, 8]", Bound(outside=(2, 8))),
    ],
)
def test_clear_bound_is_the_bound_unless_one_is_given(
    tmp_path: Path, schemas: Schemas, bound: str, clear: Bound
) -> None:
    write(tmp_path, a=f"thresholds: {{t: {{signal: cpu.used_percent, {bound}}}}}")
    assert load(str(tmp_path), SIGNALS, root=False, schemas=schemas).thresholds["t"].condition.clear == clear


def test_directory_that_cannot_be_read_is_a_mistake(tmp_path: Path, schemas: Schemas) -> None:
    with pytest.raises(PolicyError, match="cannot be read: No such file or directory"):
        load(str(tmp_path / "missing"), SIGNALS, root=False, schemas=schemas)


def test_empty_directory_is_a_set_of_nothing(tmp_path: Path, schemas: Schemas) -> None:
    assert load(str(tmp_path), SIGNALS, root=False, schemas=schemas).files == 0


def test_whatever_keeps_a_file_from_being_read_is_a_mistake_beside_the_others(tmp_path: Path, schemas: Schemas) -> None:
    write(tmp_path, good="", wrong="x: 1\n", writing="")
    (tmp_path / "gone.yaml").symlink_to("missing")
    os.mkfifo(tmp_path / "fifo.yaml")
    with open(tmp_path / "writing.yaml", "a"):
        assert mistakes(tmp_path, schemas) == [
            "fifo.yaml:0:0: not a regular file: put a file there, or give the entry another suffix",
            "gone.yaml:0:0: leads nowhere: remove it, or restore what it leads to",
            "writing.yaml:0:0: is being written: try again when it is complete",
            (
                'wrong.yaml:2:1: x: unknown key "x": '
                "known keys: databases, description, notifiers, probes, repositories, "
                "tasks, thresholds, version, windows"
            ),
        ]


@pytest.mark.root
def test_file_that_others_can_write_is_a_mistake_for_root(tmp_path: Path, schemas: Schemas) -> None:
    tmp_path.chmod(0o755)
    write(tmp_path, a="", b="")
    (tmp_path / "b.yaml").chmod(0o666)
    (found,) = mistakes(tmp_path, schemas, root=True)
    assert found.startswith("b.yaml:0:0: ")
    assert found.endswith(f"can be written by everybody: run: chmod go-w {tmp_path}/b.yaml")
    tmp_path.chmod(0o777)
    assert len(mistakes(tmp_path, schemas, root=True)) == 2
    assert load(str(tmp_path), SIGNALS, root=False, schemas=schemas).files == 2


def test_cache_spares_the_compiler_and_changes_nothing(tmp_path: Path, schemas: Schemas) -> None:
    write(
        tmp_path,
        a="tasks: {a: {action: command.run, with: {command: [x]}}}",
        b="windows: {w: {opens: '@daily', lasts: 1h}}",
    )
    first = load(str(tmp_path), SIGNALS, root=False, schemas=schemas)
    compiler = Compiler(schemas)
    from_bytes = {path.name: compiler.policy(path.read_bytes(), path.name) for path in tmp_path.iterdir()}
    digests = {path.name: _digest(path) for path in tmp_path.iterdir()}
    cache = {digests[name]: compiled.fragment() for name, compiled in from_bytes.items()}
    # A schema folder that does not exist: whoever asks for a schema fails.
    assert load(str(tmp_path), SIGNALS, root=False, schemas=Schemas("/nonexistent"), cache=cache) == first


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_cached_fragments_that_do_not_fit_are_explained(tmp_path: Path, schemas: Schemas) -> None:
    write(tmp_path, a="tasks: {a: {action: command.run, needs: [b], with: {command: [x]}}}")
    text = Compiler(schemas).policy((tmp_path / "a.yaml").read_bytes(), "a").fragment()
    with pytest.raises(PolicyError, match='unknown task "b"'):
        load(str(tmp_path), SIGNALS, root=False, schemas=schemas, cache={_digest(tmp_path / "a.yaml"): text})


def test_digest_of_a_cold_start_is_that_of_the_bytes_and_names_alone(tmp_path: Path, schemas: Schemas) -> None:
    digests = []
    for directory in ("one", "two"):
        (tmp_path / directory).mkdir()
        write(tmp_path / directory, b="description: b", a="description: a")
        digests.append(load(str(tmp_path / directory), SIGNALS, root=False, schemas=schemas).digest)
    os.utime(tmp_path / "two" / "a.yaml", (1, 1))
    digests.append(load(str(tmp_path / "two") + "/.", SIGNALS, root=False, schemas=schemas).digest)
    assert len(set(digests)) == 1
    write(tmp_path / "two", a="description: c")
    assert load(str(tmp_path / "two"), SIGNALS, root=False, schemas=schemas).digest != digests[0]


def test_loading_leaves_the_collector_as_it_was(tmp_path: Path, schemas: Schemas) -> None:
    assert gc.isenabled()
    load(str(tmp_path), SIGNALS, root=False, schemas=schemas)
    assert gc.isenabled()
    with pytest.raises(PolicyError):
        load(str(tmp_path / "missing"), SIGNALS, root=False, schemas=schemas)
    assert gc.isenabled()


def test_cache_that_knows_every_file_needs_no_parser(tmp_path: Path, schemas: Schemas) -> None:
    write(tmp_path, a="tasks: {a: {action: command.run, with: {command: [x]}}}")
    text = Compiler(schemas).policy((tmp_path / "a.yaml").read_bytes(), "a").fragment()
    code = (
        "import sys; from agent.policy.load import load; from agent.policy.load_settings import load_settings\n"
        "load_settings('/nonexistent')\n"
        f"load({str(tmp_path)!r}, {{}}, root=False, cache={{{_digest(tmp_path / 'a.yaml')!r}: {text!r}}})\n"
        "print(sorted({'yaml', 'jsonschema', 'jsonschema_rs'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
