"""jsonschema-rs decides and jsonschema words: they have to agree, on every sample and on whatever becomes of one."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from agent.policy.compile import Compiler
from agent.policy.shape import Shape
from agent.policy.wording import Validator
from agent.policy.yaml_front import read
from agent.schema import Schemas
from tests.policy.samples import BAD, GOOD

ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.0, 1.5, -0.0, 1e300, 2**53, 2**63 - 1, -(2**63) + 1),
    *(
        "",
        "a",
        "a\n",
        "\n",
        "x" * 5000,
        "é",
        "\x00",
        "0",
        "7d",
        "nightly",
        "@daily",
        "files.retain",
        "ä-b",
        "a-b",
        "a--b",
        "٣",
    ),
    *([], [1], ["a"], ["a", "a"], [1, True], [1, 1.0], [[]], [{}], [80, 10], list(range(200))),
    *({}, {"a": 1}, {"": {}}, {"x-a": 1}, {"cron": "@daily"}, {"times": 1, "per": "1d"}, {"version": 1}),
]


def agree(shape: Shape, data: Any) -> bool:
    """Return what both say, which has to be the same."""
    accepted = shape.accepts(data)
    assert accepted == Validator(shape.schema).is_valid(data), data
    return accepted


def mutated(data: Any, dice: random.Random) -> Any:
    """Return data with one value replaced, removed, renamed or doubled."""
    if not isinstance(data, dict | list):
        return dice.choice(ODD)
    data = copy.deepcopy(data)
    spots: list[tuple[Any, Any]] = []
    left = [data]
    while left:
        node = left.pop()
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in pairs:
            spots.append((node, key))
            if isinstance(value, dict | list):
                left.append(value)
    if not spots:
        return dice.choice(ODD)
    node, key = dice.choice(spots)
    match dice.randrange(4):
        case 0:
            node[key] = dice.choice(ODD)
        case 1:
            del node[key]
        case 2 if isinstance(node, dict):
            node[dice.choice(["x", "x-y", "version", "schedule", "a\n", ""])] = node.pop(key)
        case _ if isinstance(node, list):
            node.append(copy.deepcopy(node[key]))
        case _:
            node[key] = [node[key]]
    return data


@pytest.mark.parametrize("sample", GOOD, ids=lambda path: path.stem)
def test_both_accept_every_good_sample(sample: Any, compiler: Compiler) -> None:
    assert agree(compiler.shapes.policy(), read(sample.read_bytes()).data)


@pytest.mark.parametrize("sample", BAD, ids=lambda path: path.stem)
def test_both_agree_on_every_bad_sample(sample: Any, compiler: Compiler) -> None:
    agree(compiler.shapes.policy(), read(sample.read_bytes()).data)


def test_both_agree_on_mutated_policies(compiler: Compiler) -> None:
    dice = random.Random(20260701)
    policies = [read(sample.read_bytes()).data for sample in GOOD]
    verdicts = []
    for _ in range(2000):
        data = dice.choice(policies)
        for _ in range(dice.randint(1, 3)):
            data = mutated(data, dice)
        verdicts.append(agree(compiler.shapes.policy(), data))
    assert 100 < sum(verdicts) < 1900, "the mutations are too mild or too harsh to tell anything"


@pytest.mark.parametrize("action", Schemas().action_names())
def test_both_agree_on_mutated_options_of_every_action(action: str) -> None:
    shape = Compiler().shapes.action(action)
    dice = random.Random(action)
    examples = shape.schema.get("examples", []) + [
        {name: option["examples"][0]} for name, option in shape.schema["properties"].items() if option.get("examples")
    ]
    for _ in range(1000):
        data = dice.choice(examples)
        for _ in range(dice.randint(0, 3)):
            data = mutated(data, dice)
        agree(shape, data)


@pytest.mark.parametrize("value", ODD, ids=lambda value: ascii(value)[:20])
def test_both_agree_on_odd_documents(value: Any, compiler: Compiler) -> None:
    agree(compiler.shapes.policy(), value)
    agree(compiler.shapes.settings(), value)
