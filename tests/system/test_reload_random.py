"""Whatever is done to the policy files in whatever order: in the end the agent says what a cold start would say."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.agent import AgentUnderTest, wait_for
from tests.system.changes import baseline, policy

SECONDS = 20.0
WITHIN = 30.0
NAMES = ("a.yaml", "b.yaml", "c.yml", "d.yaml")
SAID = 50
"""So many mistakes are in the record of the agent."""

BAD = (
    "version: 1\ntasks: [\n",
    "",
    "version: 2\n",
    "version: 1\ntasks: {x: {action: command.rum}}\n",
    "version: 1\ntasks: {x: {action: command.run, with: {command: [echo]}, needs: [nobody]}}\n",
    "version: 1\ntasks: {same: {action: command.run, with: {command: [echo]}}}\n",
)


class Editor:
    """Does one thing after another to the policy files, as chance has it."""

    def __init__(self, agent: AgentUnderTest, chance: random.Random) -> None:
        self._agent = agent
        self._chance = chance
        self._count = 0
        self.done: list[str] = []

    def act(self) -> None:
        act = self._chance.choice(ACTS)
        name = self._chance.choice(NAMES)
        self.done.append(f"{act.__name__} {name}")
        try:
            act(self, self._agent.policies / name)
        except (FileNotFoundError, FileExistsError, IsADirectoryError) as error:
            self.done[-1] += f" ({type(error).__name__})"

    def mend(self) -> None:
        """Leave only good files, so that the round after it begins from somewhere."""
        for name in NAMES:
            self.delete(self._agent.policies / name)
        self._agent.policies.chmod(0o700)
        baseline(self._agent)

    def _good(self, path: Path) -> str:
        self._count += 1
        return policy(f"{path.stem}-{self._chance.randrange(3)}", f"word-{self._count}")

    def write(self, path: Path) -> None:
        path.write_text(self._good(path))

    def rename_in(self, path: Path) -> None:
        self._agent.policy(self._good(path), path.name)

    def write_in_pieces(self, path: Path) -> None:
        text = self._good(path)
        cut = self._chance.randrange(len(text))
        with path.open("w") as file:
            file.write(text[:cut])
            file.flush()
            time.sleep(self._chance.uniform(0, 0.5))
            file.write(text[cut:])

    def spoil(self, path: Path) -> None:
        path.write_text(self._chance.choice(BAD))

    def delete(self, path: Path) -> None:
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)

    def touch(self, path: Path) -> None:
        path.touch()

    def open_to_all(self, path: Path) -> None:
        path.chmod(0o666)

    def close_to_all(self, path: Path) -> None:
        path.chmod(0o600)

    def link_to_nowhere(self, path: Path) -> None:
        path.symlink_to("nowhere")

    def link(self, path: Path) -> None:
        target = self._agent.place / f"target-{path.name}"
        target.write_text(self._good(path))
        path.unlink(missing_ok=True)
        path.symlink_to(target)

    def make_directory(self, path: Path) -> None:
        path.mkdir()

    def replace_directory(self, path: Path) -> None:
        self._count += 1
        former = self._agent.place / f"former-{self._count}"
        path.parent.rename(former)
        time.sleep(self._chance.choice((0, 0, 0.4)))
        shutil.copytree(former, path.parent, symlinks=True)


ACTS: tuple[Callable[[Editor, Path], None], ...] = (
    Editor.write,
    Editor.write,
    Editor.rename_in,
    Editor.rename_in,
    Editor.write_in_pieces,
    Editor.spoil,
    Editor.delete,
    Editor.touch,
    Editor.open_to_all,
    Editor.close_to_all,
    Editor.link_to_nowhere,
    Editor.link,
    Editor.make_directory,
    Editor.replace_directory,
)


@pytest.mark.slow
def test_random_changes_converge(agent: AgentUnderTest) -> None:
    seed = int(os.environ.get("HOSTKEEPER_TEST_SEED", str(random.randrange(1 << 32))))
    print(f"HOSTKEEPER_TEST_SEED={seed}")
    chance = random.Random(seed)
    editor = Editor(agent, chance)
    baseline(agent)
    agent.start()
    end, rounds, good = time.monotonic() + SECONDS, 0, 0
    while time.monotonic() < end:
        rounds += 1
        editor.done.clear()
        for _ in range(chance.randrange(1, 8)):
            editor.act()
            time.sleep(chance.choice((0, 0, 0.05, 0.3)))
        found = agent.check()
        good += "digest" in found
        wait_for(lambda: _agrees(agent), WITHIN, f"seed {seed}: {editor.done}")
        if chance.random() < 0.3:
            editor.mend()
    editor.mend()
    expected = agent.checked()
    wait_for(lambda: agent.digest() == expected and agent.facts()["valid"], WITHIN)
    print(f"{rounds} rounds, {good} of them ended in good files")


def _agrees(agent: AgentUnderTest) -> bool:
    """Say whether the agent says of the files what a check says of them."""
    found, facts = agent.check(), agent.facts()
    if "mistakes" in found:
        return not facts["valid"] and facts["mistakes"] == agent.check_mistakes()[:SAID]
    if not found["files"]:
        return not facts["valid"] and "holds no policies" in facts["mistakes"][0]
    return bool(facts["valid"]) and facts["digest"] == found["digest"]
