"""What options of actions name: found wherever it stands, checked over all files, and put in place of the name."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from agent.engine.document import Document, dump, load, task_digest
from agent.errors import PolicyError
from agent.model.policies import PolicySet
from agent.policy.between import mistakes_between
from agent.policy.compile import Compiler
from agent.policy.fragments import Fragment, load_fragment
from agent.policy.link import fitted, link
from tests.policy.samples import SIGNALS

DEFINED = """
databases: {shop: {sqlite: {path: /srv/shop.db}}, crm: {mysql: {database: crm}}}
repositories: {local: {tar: {path: /srv/backups}}, other: {tar: {path: /srv/other}}}
"""
SHOP = {"name": "shop", "driver": "sqlite", "settings": {"path": "/srv/shop.db"}}
CRM = {
    "name": "crm",
    "driver": "mysql",
    "settings": {
        "database": "crm",
        "host": "127.0.0.1",
        "password_file": None,
        "port": 3306,
        "socket": None,
        "user": "root",
    },
}
LOCAL = {
    "name": "local",
    "driver": "tar",
    "settings": {"path": "/srv/backups", "compression_level": 3, "threads": 1, "limit_read": None, "encryption": None},
}


def fragments(compiler: Compiler, *texts: str) -> dict[str, Fragment]:
    found = {}
    for number, text in enumerate(texts):
        compiled = compiler.policy(f"version: 1\n{text}".encode(), f"{number}.yaml")
        found[f"{number}.yaml"] = load_fragment(compiled.fragment(), f"/dir/{number}.yaml", f"digest of {text}")
    return found


def linked(compiler: Compiler, *texts: str) -> PolicySet:
    return link(fragments(compiler, *texts), SIGNALS)


def save(options: str, name: str = "save") -> str:
    return f"tasks: {{{name}: {{action: backup.create, with: {options}}}}}"


SAVING = (
    save("{repository: local}"),
    save("{repository: other}", "second"),
    save("{repository: local}", "third"),
    "tasks: {clean: {action: command.run, with: {command: [x]}}}",
)
EMPTY = "repositories: {empty: {tar: {path: /srv/empty}}}"


def drill(options: str) -> str:
    return f"tasks: {{drill: {{action: backup.drill, with: {options}}}}}"


def options_of(policies: PolicySet, name: str = "save") -> Any:
    return json.loads(policies.tasks[name].options)


def test_names_in_options_give_way_to_what_they_name_over_all_files(compiler: Compiler) -> None:
    text = "{repository: local, sources: [{path: /srv}, {database: shop}, crm], by_name: {a: crm}, tasks: [save]}"
    policies = linked(compiler, save(text), DEFINED)
    assert options_of(policies) == {
        "repository": LOCAL,
        "copy_to": None,
        "sources": [{"path": "/srv"}, {"database": SHOP}, {"database": CRM}],
        "by_name": {"a": CRM},
        "tasks": ["save"],
    }
    assert policies.repositories["local"].position.line == 4
    assert list(policies.databases) == ["shop", "crm"]


def test_quantities_of_a_definition_are_numbers(compiler: Compiler) -> None:
    vault = "repositories: {vault: {restic: {repository: /srv/r, password_file: /srv/p, limit_upload: 1MiB}}}"
    policies = linked(compiler, vault + "\n" + save("{repository: vault}"))
    assert options_of(policies)["repository"]["settings"] == {
        "repository": "/srv/r",
        "password_file": "/srv/p",
        "environment_file": None,
        "limit_upload": 1 << 20,
        "cache": None,
    }


def test_changed_repository_changes_the_tasks_that_use_it_and_no_others(compiler: Compiler) -> None:
    tasks = (save("{repository: local}"), save("{repository: other}", "second"), save("{repository: local}", "third"))
    before = linked(compiler, DEFINED, *tasks)
    after = linked(compiler, DEFINED.replace("/srv/backups", "/srv/elsewhere"), *tasks)
    changed = {name for name in before.tasks if task_digest(before.tasks[name]) != task_digest(after.tasks[name])}
    assert changed == {"save", "third"}
    assert before.digest != after.digest


def test_document_of_a_run_holds_the_repository_itself(compiler: Compiler) -> None:
    task = linked(compiler, DEFINED, save("{repository: local}")).tasks["save"]
    assert json.loads(load(dump(Document(task))).task.options)["repository"] == LOCAL


@pytest.mark.parametrize("null", ["null", "~", ""])
def test_null_where_a_name_may_stand_is_no_name(null: str, compiler: Compiler) -> None:
    found = fragments(compiler, DEFINED, save(f"{{repository: local, copy_to: {null}}}"))
    assert options_of(link(found, SIGNALS))["copy_to"] is None
    assert mistakes_between({f.file: f.outline for f in found.values()}, SIGNALS) == []


def test_name_in_quotes_that_looks_like_null_is_a_name(compiler: Compiler) -> None:
    with pytest.raises(PolicyError, match=r'save\.with\.copy_to: unknown repository "null"'):
        linked(compiler, DEFINED, save('{repository: local, copy_to: "null"}'))


def test_database_and_repository_may_share_a_name(compiler: Compiler) -> None:
    texts = "repositories: {a: {tar: {path: /srv/r}}}", "databases: {a: {sqlite: {path: /srv/a.db}}}"
    policies = linked(compiler, *texts, save("{repository: a, sources: [a]}"))
    options = options_of(policies)
    assert (options["repository"]["driver"], options["sources"][0]["database"]["driver"]) == ("tar", "sqlite")


def test_fragment_without_references_is_as_it_was_compiled(compiler: Compiler) -> None:
    (found,) = fragments(compiler, "tasks: {a: {action: command.run, with: {command: [x]}}}").values()
    assert found.uses == ()
    assert link({"0.yaml": found}, SIGNALS).tasks["a"] is found.tasks[0]


def test_fast_way_and_explaining_way_agree_on_random_references(compiler: Compiler) -> None:
    dice = random.Random(5)
    fits = 0
    for _ in range(300):
        texts = []
        for name in dice.sample(["save", "b", "c"], dice.randint(1, 3)):
            repository = dice.choice(["local", "local", "local", "other", "lokal", "shop"])
            source = dice.choice(["{database: shop}", "crm", "{path: /srv}", "{database: local}"])
            task = dice.choice(["save", "save", "b"])
            texts.append(save(f"{{repository: {repository}, sources: [{source}], tasks: [{task}]}}", name))
        texts += [DEFINED] * dice.choice([0, 1, 1, 1, 1, 2])
        found = fragments(compiler, *texts)
        policies = fitted(found, SIGNALS)
        mistakes = mistakes_between({fragment.file: fragment.outline for fragment in found.values()}, SIGNALS)
        assert (policies is None) == bool(mistakes), texts
        fits += policies is not None
    assert 20 < fits < 280, "the sets are too good or too bad to tell anything"


@pytest.mark.parametrize(
    "options",
    [
        "{repository: local, task: save}",
        "{repository: local, tasks: [save, third]}",
        "{repository: other, task: second}",
        "{repository: local, task: second, host: elsewhere}",
        "{repository: local, task: clean, host: elsewhere}",
        '{repository: local, task: second, host: "null"}',
    ],
)
def test_task_that_does_what_is_asked_with_the_same_repository_fits(options: str, compiler: Compiler) -> None:
    found = fragments(compiler, DEFINED, *SAVING, drill(options))
    assert fitted(found, SIGNALS) is not None
    assert mistakes_between({f.file: f.outline for f in found.values()}, SIGNALS) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            "{repository: local, task: clean}",
            'with.task: task "clean" does command.run, not backup.create: known tasks of backup.create with the repo',
        ),
        (
            "{repository: local, tasks: [save, second]}",
            r'with.tasks\[1\]: task "second" has the repository "other", not "local": known .* local: save, third',
        ),
        ("{repository: other, task: save, host: null}", 'has the repository "local", not "other": known .*: second'),
        ("{repository: empty, task: save}", "there are no tasks of backup.create with the repository empty"),
        ("{repository: local, task: drill}", 'task "drill" does backup.drill, not backup.create'),
    ],
)
def test_task_that_does_not_fit_is_a_mistake(options: str, said: str, compiler: Compiler) -> None:
    texts = (DEFINED, *SAVING, drill(options), EMPTY)
    assert fitted(fragments(compiler, *texts), SIGNALS) is None
    with pytest.raises(PolicyError, match=said):
        linked(compiler, *texts)


def test_fast_way_and_explaining_way_agree_on_random_tasks_that_are_named(compiler: Compiler) -> None:
    dice = random.Random(6)
    fits = 0
    for _ in range(200):
        named = [dice.choice(["save", "second", "third", "clean", "nobody"]) for _ in range(dice.randint(0, 2))]
        host = dice.choice(["", "", ", host: null", ", host: shop-1"])
        task = dice.choice(["", f", task: {dice.choice(['save', 'second', 'clean'])}"])
        repository = dice.choice(["local", "local", "local", "other", "lokal"])
        text = f"{{repository: {repository}, tasks: [{', '.join(named)}]{task}{host}}}"
        found = fragments(compiler, DEFINED, *SAVING, drill(text))
        policies = fitted(found, SIGNALS)
        mistakes = mistakes_between({fragment.file: fragment.outline for fragment in found.values()}, SIGNALS)
        assert (policies is None) == bool(mistakes), text
        fits += policies is not None
    assert 20 < fits < 180, "the sets are too good or too bad to tell anything"


def test_thousands_of_tasks_with_references_are_linked_in_little_time(compiler: Compiler) -> None:
    text = "{repository: local, sources: [{path: /srv}, {database: shop}]}"
    found = fragments(compiler, DEFINED)
    one = compiler.policy(f"version: 1\n{save(text)}".encode(), "p").fragment()
    for number in range(2000):
        body = one.replace('"save"', f'"save-{number}"')
        found[f"t{number}.yaml"] = load_fragment(body, f"/dir/t{number}.yaml", f"{number:064}")
    begun = time.process_time()
    assert options_of(link(found, SIGNALS), "save-1999")["repository"] == LOCAL
    assert time.process_time() - begun < 1, "a tenth of that is what an unburdened host needs"
