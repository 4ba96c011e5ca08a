"""A whole policy directory in one process: what `hostkeeper check` and every other command does.

The daemon does the same in two: `agent.policy.child` compiles, and the daemon scans and links.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from agent.errors import Mistake, PolicyError
from agent.model.policies import PolicySet
from agent.model.settings import Settings
from agent.policy.file import policy_answer, settings_answer
from agent.policy.fragments import Fragment, Outline, load_fragment
from agent.policy.link import Signals, link, mistakes_between
from agent.policy.protocol import Answer, Status, answer_of
from agent.policy.scan import scan
from agent.policy.settings import default_settings, settings_from
from agent.policy.shape import Shapes
from agent.policy.trust import Guard, distrust_of
from agent.schema import Schemas


def load(
    directory: str,
    signals: Signals,
    actions: Collection[str] | None = None,
    *,
    root: bool | None = None,
    schemas: Schemas | None = None,
    cache: Mapping[str, str] | None = None,
) -> PolicySet:
    """Given a policy directory, return the policy set.

    `signals` are the known signals with their label names; `actions` the actions that may be used (without it, every
    one that has a schema). `root` demands that files are root's alone (without it: when this process is root's).
    `cache` gives fragments by the digest of a file's bytes, compiled by this same agent. Raises PolicyError with every
    mistake of every file.
    """
    shapes = Shapes(schemas or Schemas(), actions)
    root = os.geteuid() == 0 if root is None else root
    names, mistakes = _listed(directory, root=root)
    guard = Guard(directory) if root and names else None
    fragments: dict[str, Fragment] = {}
    outlines: dict[str, Outline | None] = {}
    for name in names:
        path = os.path.join(directory, name)
        answer = answer_of(policy_answer(path, shapes, guard, cache or {}), name, path)
        if answer.status is Status.OK:
            fragments[name] = load_fragment(answer.fragment, path, answer.digest)
            outlines[path] = fragments[name].outline
        else:
            outlines[path] = answer.outline
            mistakes += answer.mistakes or [_not_there(answer, path)]
    if mistakes:
        raise PolicyError(mistakes + mistakes_between(outlines, signals))
    return link(fragments, signals)


def load_settings(path: str, *, root: bool | None = None, schemas: Schemas | None = None) -> Settings:
    """Given the path of agent.yaml, return the settings; the defaults if there is no such file.

    `root` as in `load`. Raises PolicyError with every mistake.
    """
    schemas = schemas or Schemas()
    root = os.geteuid() == 0 if root is None else root
    if not os.path.lexists(path):
        return default_settings(schemas)
    guard = Guard(os.path.dirname(path) or ".") if root else None
    answer = answer_of(settings_answer(path, Shapes(schemas, ()), guard), path, path)
    if answer.settings is None:
        raise PolicyError(answer.mistakes or [_not_there(answer, path)])
    return settings_from(answer.settings)


def _listed(directory: str, *, root: bool) -> tuple[list[str], list[Mistake]]:
    try:
        names = sorted(scan(directory).files)
        distrust = distrust_of(directory) if root else []
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
        raise PolicyError([Mistake(directory, 0, 0, "", wrong, "give a directory with policies")]) from None
    return names, [Mistake(directory, 0, 0, "", problem.wrong, problem.right) for problem in distrust]


def _not_there(answer: Answer, path: str) -> Mistake:
    if answer.status is Status.BUSY:
        return Mistake(path, 0, 0, "", "is being written", "try again when it is complete")
    return Mistake(path, 0, 0, "", "leads nowhere", "remove it, or restore what it leads to")
