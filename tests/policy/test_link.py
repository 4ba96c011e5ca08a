"""From fragments to the policy set; the fast way and the way that explains agree."""

from __future__ import annotations

import random
import time

import pytest

from agent.errors import PolicyError
from agent.model.policies import Instruction
from agent.policy.between import MOST, mistakes_between
from agent.policy.compile import Compiler
from agent.policy.fragments import Fragment, load_fragment
from agent.policy.link import digest_of, fitted, link
from tests.policy.samples import SIGNALS


def fragments(compiler: Compiler, files: dict[str, str]) -> dict[str, Fragment]:
    found = {}
    for name, text in files.items():
        compiled = compiler.policy(f"version: 1\n{text}".encode(), name)
        found[name] = load_fragment(compiled.fragment(), f"/dir/{name}", f"digest of {text}")
    return found


def task(name: str, more: str = "") -> str:
    return f"  {name}: {{action: command.run, with: {{command: [x]}}{more}}}\n"


def test_set_holds_everything_of_all_files(compiler: Compiler) -> None:
    files = {
        "b.yaml": "tasks:\n" + task("b", ", window: w"),
        "a.yaml": "tasks:\n" + task("a", ", needs: [b]") + "windows: {w: {opens: '@daily', lasts: 1h}}\n",
        "c.yaml": "thresholds: {t: {signal: disk.used_percent, labels: {mountpoint: /}, above: 1, run: [a, b]}}\n",
        "empty.yaml": "",
    }
    policies = link(fragments(compiler, files), SIGNALS)
    assert policies.files == 4
    assert list(policies.tasks) == ["a", "b"]
    assert list(policies.windows) == ["w"]
    assert policies.thresholds["t"].position.file == "/dir/c.yaml"


def test_set_of_nothing_is_legal_here(compiler: Compiler) -> None:
    assert link({}, SIGNALS).files == 0


def test_set_is_the_same_whatever_the_order_of_its_files(compiler: Compiler) -> None:
    files = {f"{number}.yaml": "tasks:\n" + task(f"t{number}") for number in range(6)}
    found = fragments(compiler, files)
    reverse = dict(reversed(found.items()))
    assert link(found, SIGNALS) == link(reverse, SIGNALS)
    assert list(link(found, SIGNALS).tasks) == list(link(reverse, SIGNALS).tasks)


def test_digest_names_files_and_bytes() -> None:
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})
    others = [{"a": "1"}, {"a": "2", "b": "1"}, {"a": "1", "c": "2"}, {"a": "1", "b": "2", "c": "3"}, {}, {"ab": "2"}]
    digests = {digest_of({"a": "1", "b": "2"}), *map(digest_of, others)}
    assert len(digests) == len(others) + 1
    assert len(digest_of({"\udcff.yaml": "1"})) == 64


def test_fast_way_and_explaining_way_agree_on_random_sets(compiler: Compiler) -> None:
    dice = random.Random(7)
    names = ["a", "b", "c", "d", "e"]
    fits = 0
    for _ in range(300):
        files = {}
        for number in range(dice.randint(1, 4)):
            text = "tasks:\n"
            for name in dice.sample(names, dice.randint(1, 2)):
                needs = dice.sample(names, dice.choice([0, 0, 0, 1, 2]))
                window = dice.choice(["", "", "", ", window: w", ", window: v"])
                text += task(name, f", needs: [{', '.join(needs)}]{window}")
            if dice.random() < 0.4:
                signal = dice.choice(["disk.used_percent", "disk.used_percent", "process.cpu_percent", "no.such"])
                label = dice.choice(["", ", labels: {mountpoint: /}", ", labels: {name: x}"])
                threshold = dice.choice([*names, "t", "u"])
                run = dice.choice(["", f", run: [{dice.choice(names)}]"])
                text += f"thresholds: {{{threshold}: {{signal: {signal}{label}, above: 1{run}}}}}\n"
            if dice.random() < 0.5:
                text += "windows: {w: {opens: '@daily', lasts: 1h}}\n"
            files[f"{number}.yaml"] = text
        found = fragments(compiler, files)
        policies = fitted(found, SIGNALS)
        mistakes = mistakes_between({fragment.file: fragment.outline for fragment in found.values()}, SIGNALS)
        assert (policies is None) == bool(mistakes), files
        fits += policies is not None
    assert 20 < fits < 280, "the sets are too good or too bad to tell anything"


def test_fragments_without_outlines_that_do_not_fit_are_still_refused_with_a_reason(compiler: Compiler) -> None:
    compiled = compiler.policy(b"version: 1\ntasks: {a: {action: command.run, needs: [b], with: {command: [x]}}}", "a")
    body = compiled.fragment().replace(compiled.outline().replace('"', '\\"'), "")
    with pytest.raises(PolicyError, match="do not fit together"):
        link({"a.yaml": load_fragment(body, "/dir/a.yaml", "d")}, SIGNALS)


def test_mistakes_between_files_are_bounded_in_number_and_time(compiler: Compiler) -> None:
    text = "tasks:\n" + "".join(task(f"t{number}", f", needs: [u{number}]") for number in range(3000))
    found = fragments(compiler, {"a.yaml": text, "b.yaml": text})
    begun = time.process_time()
    mistakes = mistakes_between({fragment.file: fragment.outline for fragment in found.values()}, SIGNALS)
    assert len(mistakes) == MOST
    assert time.process_time() - begun < 2


def test_ten_thousand_fragments_are_linked_in_little_time(compiler: Compiler) -> None:
    one = compiler.policy(
        b"version: 1\ntasks: {a: {action: command.run, with: {command: [x]}}}\n"
        b"thresholds: {b: {signal: disk.used_percent, labels: {mountpoint: /}, above: 1, run: [a]}}\n",
        "p",
    ).fragment()
    found = {}
    for number in range(10_000):
        text = one.replace('"a"', f'"a{number}"').replace('"b"', f'"b{number}"')
        found[f"{number}.yaml"] = load_fragment(text, f"/dir/{number}.yaml", f"{number:064}")
    times = []
    for _ in range(3):
        begun = time.process_time()
        assert len(link(found, SIGNALS).tasks) == 10_000
        times.append(time.process_time() - begun)
    assert min(times) < 0.2, "half of that is what an unburdened host needs"


def test_task_of_a_runbook_is_taken_up_and_has_to_be_there(compiler: Compiler) -> None:
    runbook = "runbook: [Look, {text: Clean, run: a}, {text: Ask, run: null}]"
    threshold = f"thresholds:\n  t: {{signal: cpu.used_percent, above: 9, {runbook}}}\n"
    policies = link(fragments(compiler, {"a.yaml": f"{threshold}tasks:\n{task('a')}"}), SIGNALS)
    assert policies.thresholds["t"].runbook == (Instruction("Look"), Instruction("Clean", "a"), Instruction("Ask"))
    with pytest.raises(PolicyError) as error:
        link(fragments(compiler, {"a.yaml": f"{threshold}tasks:\n{task('aa')}"}), SIGNALS)
    (mistake,) = error.value.mistakes
    assert (mistake.line, mistake.path) == (3, "thresholds.t.runbook[1].run")
    assert (mistake.wrong, mistake.right) == ('unknown task "a"', "did you mean aa?")
