"""Ways in which policy files change on real hosts; each leaves other files than it found."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.system.agent import AgentUnderTest

Change = Callable[[AgentUnderTest], None]


def policy(name: str, word: str = "hello") -> str:
    """Return a policy of one task that waits to be asked for."""
    return f"version: 1\ntasks:\n  {name}:\n    action: command.run\n    with: {{command: [echo, {word}]}}\n"


def baseline(agent: AgentUnderTest) -> None:
    """Two files; the second keeps the directory from ever being empty by accident."""
    agent.policy(policy("first"), "a.yaml")
    agent.policy(policy("second"), "b.yaml")


def edit_in_place(agent: AgentUnderTest) -> None:
    (agent.policies / "a.yaml").write_text(policy("first", "edited"))


def append(agent: AgentUnderTest) -> None:
    with (agent.policies / "a.yaml").open("a") as file:
        file.write("  third:\n    action: command.run\n    with: {command: [echo]}\n")


def rename_over(agent: AgentUnderTest) -> None:
    agent.policy(policy("first", "edited"), "a.yaml")


def save_as_vim_does(agent: AgentUnderTest) -> None:
    (agent.policies / "a.yaml").rename(agent.policies / "a.yaml~")
    (agent.policies / "a.yaml").write_text(policy("first", "edited"))
    (agent.policies / "a.yaml~").unlink()


def save_as_sed_does(agent: AgentUnderTest) -> None:
    (agent.policies / "sedAbCdEf").write_text(policy("first", "edited"))
    (agent.policies / "sedAbCdEf").rename(agent.policies / "a.yaml")


def same_size_same_time(agent: AgentUnderTest) -> None:
    path = agent.policies / "a.yaml"
    before = path.stat()
    path.write_text(policy("first", "olleh"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def add_file(agent: AgentUnderTest) -> None:
    agent.policy(policy("third"), "c.yml")


def delete_file(agent: AgentUnderTest) -> None:
    (agent.policies / "a.yaml").unlink()


def rename_file(agent: AgentUnderTest) -> None:
    (agent.policies / "a.yaml").rename(agent.policies / "c.yaml")


def many_files(agent: AgentUnderTest) -> None:
    for number in range(50):
        (agent.policies / f"many-{number}.yaml").write_text(policy(f"many-{number}"))


def link_files(agent: AgentUnderTest) -> None:
    """Before the change: the first file is a link."""
    (agent.place / "versions").mkdir()
    for version in ("1", "2"):
        (agent.place / "versions" / f"{version}.yaml").write_text(policy("first", f"version-{version}"))
    (agent.policies / "a.yaml").unlink()
    (agent.policies / "a.yaml").symlink_to("../versions/1.yaml")


def swap_link(agent: AgentUnderTest) -> None:
    (agent.place / "next").symlink_to("../versions/2.yaml")
    (agent.place / "next").rename(agent.policies / "a.yaml")


def edit_behind_link(agent: AgentUnderTest) -> None:
    (agent.place / "versions" / "1.yaml").write_text(policy("first", "edited"))


def rename_behind_link(agent: AgentUnderTest) -> None:
    (agent.place / "versions" / "2.yaml").rename(agent.place / "versions" / "1.yaml")


def mount_as_kubernetes_does(agent: AgentUnderTest) -> None:
    """Before the change: files are links through a link to a directory."""
    for file in agent.policies.iterdir():
        file.unlink()
    _volume(agent, "..2026_03_01", "one")
    (agent.policies / "..data").symlink_to("..2026_03_01")
    for name in ("a.yaml", "b.yaml"):
        (agent.policies / name).symlink_to(f"..data/{name}")


def _volume(agent: AgentUnderTest, name: str, word: str) -> None:
    volume = agent.policies / name
    volume.mkdir()
    (volume / "a.yaml").write_text(policy("first", word))
    (volume / "b.yaml").write_text(policy("second", word))


def swap_as_kubernetes_does(agent: AgentUnderTest) -> None:
    _volume(agent, "..2026_03_02", "two")
    (agent.policies / "..data_tmp").symlink_to("..2026_03_02")
    (agent.policies / "..data_tmp").rename(agent.policies / "..data")
    shutil.rmtree(agent.policies / "..2026_03_01")


def link_directory(agent: AgentUnderTest) -> None:
    """Before the change: the policy directory is a link."""
    agent.policies.rename(agent.place / "release-1")
    agent.policies.symlink_to("release-1")


def swap_directory_link(agent: AgentUnderTest) -> None:
    _release(agent.place / "release-2")
    (agent.place / "next").symlink_to("release-2")
    (agent.place / "next").rename(agent.policies)


def _release(directory: Path) -> None:
    directory.mkdir(mode=0o755)
    (directory / "a.yaml").write_text(policy("first", "of a release"))
    (directory / "d.yaml").write_text(policy("fourth"))


def replace_directory(agent: AgentUnderTest) -> None:
    agent.policies.rename(agent.place / "former")
    _release(agent.policies)


def exchange_directory(agent: AgentUnderTest) -> None:
    _release(agent.place / "next")
    agent.policies.rename(agent.place / "former")
    (agent.place / "next").rename(agent.policies)


def delete_and_make_directory(agent: AgentUnderTest) -> None:
    shutil.rmtree(agent.policies)
    _release(agent.policies)


def move_directory_away_edit_and_back(agent: AgentUnderTest) -> None:
    agent.policies.rename(agent.place / "away")
    (agent.place / "away" / "a.yaml").write_text(policy("first", "edited"))
    (agent.place / "away").rename(agent.policies)


def nothing(_agent: AgentUnderTest) -> None:
    """Nothing is to be made ready."""


CHANGES: dict[Change, Change] = {
    edit_in_place: nothing,
    append: nothing,
    rename_over: nothing,
    save_as_vim_does: nothing,
    save_as_sed_does: nothing,
    same_size_same_time: nothing,
    add_file: nothing,
    delete_file: nothing,
    rename_file: nothing,
    many_files: nothing,
    swap_link: link_files,
    edit_behind_link: link_files,
    rename_behind_link: link_files,
    swap_as_kubernetes_does: mount_as_kubernetes_does,
    swap_directory_link: link_directory,
    replace_directory: nothing,
    exchange_directory: nothing,
    delete_and_make_directory: nothing,
    move_directory_away_edit_and_back: nothing,
}
"""Each change with what makes it possible."""
