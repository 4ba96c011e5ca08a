"""The watcher where links lead to the policies."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.host.watch.bell import settled, watching


def test_watcher_directory_is_a_link_swapped_wakes(tmp_path: Path, inotify: bool) -> None:
    for name in ("blue", "green"):
        (tmp_path / name).mkdir()
    link = tmp_path / "policies"
    link.symlink_to("blue")
    with watching(link, inotify=inotify) as (_, bell):
        (tmp_path / "next").symlink_to("green")
        os.rename(tmp_path / "next", link)
        assert bell.rang_after(0)
        before = settled(bell)
        (tmp_path / "green" / "a.yaml").write_text("version: 1\n")
        assert bell.rang_after(before)
        before = settled(bell)
        (tmp_path / "blue" / "a.yaml").write_text("no longer ours\n")
        assert not bell.rang_after(before, within=0.2)


def test_watcher_link_above_swapped_wakes(tmp_path: Path, inotify: bool) -> None:
    for name in ("blue", "green"):
        (tmp_path / name / "policies").mkdir(parents=True)
    (tmp_path / "current").symlink_to(tmp_path / "blue")
    with watching(tmp_path / "current" / "policies", inotify=inotify) as (_, bell):
        (tmp_path / "next").symlink_to(tmp_path / "green")
        os.rename(tmp_path / "next", tmp_path / "current")
        assert bell.rang_after(0)
        before = settled(bell)
        (tmp_path / "green" / "policies" / "a.yaml").write_text("version: 1\n")
        assert bell.rang_after(before)


def test_watcher_data_link_of_kubernetes_swapped_wakes(tmp_path: Path, inotify: bool) -> None:
    policies = tmp_path / "policies"
    for stamp in ("..1", "..2"):
        (policies / stamp).mkdir(parents=True)
        (policies / stamp / "a.yaml").write_text(f"version: 1 # {stamp}\n")
    (policies / "..data").symlink_to("..1")
    (policies / "a.yaml").symlink_to("..data/a.yaml")
    with watching(policies, inotify=inotify) as (watcher, bell):
        (policies / "..data_tmp").symlink_to("..2")
        os.rename(policies / "..data_tmp", policies / "..data")
        assert bell.rang_after(0)
        before = settled(bell)
        watcher.rearm()
        (policies / "..2" / "a.yaml").write_text("version: 1 # edited in place\n")
        assert bell.rang_after(before)


def edit_target(target: Path) -> None:
    target.write_text("version: 1 # edited\n")


def replace_target(target: Path) -> None:
    target.with_suffix(".tmp").write_text("version: 1 # edited\n")
    os.rename(target.with_suffix(".tmp"), target)


def replace_directory_of_target(target: Path) -> None:
    os.rename(target.parent, target.parent.with_name("former"))


@pytest.mark.parametrize("change", [edit_target, replace_target, replace_directory_of_target, Path.unlink])
def test_watcher_target_of_a_link_changes_wakes(
    policies: Path, tmp_path: Path, inotify: bool, change: Callable[[Path], None]
) -> None:
    target = tmp_path / "shared" / "common.yaml"
    target.parent.mkdir()
    target.write_text("version: 1\n")
    (policies / "common.yaml").symlink_to(target)
    with watching(policies, inotify=inotify) as (_, bell):
        change(target)
        assert bell.rang_after(0)


def test_watcher_dangling_link_gets_its_target_wakes(policies: Path, tmp_path: Path, inotify: bool) -> None:
    (policies / "common.yaml").symlink_to(tmp_path / "common.yaml")
    with watching(policies, inotify=inotify) as (_, bell):
        (tmp_path / "common.yaml").write_text("version: 1\n")
        assert bell.rang_after(0)


@pytest.mark.parametrize("target", ["blue", "./blue", "sub/../blue", "{place}/blue"])
def test_watcher_directory_that_a_dangling_link_leads_to_comes_back_wakes(
    tmp_path: Path, inotify: bool, target: str
) -> None:
    (tmp_path / "sub").mkdir()
    link = tmp_path / "policies"
    link.symlink_to(target.format(place=tmp_path))
    with watching(link, inotify=inotify) as (_, bell):
        (tmp_path / "blue").mkdir()
        assert bell.rang_after(0, within=30)
        before = settled(bell)
        (tmp_path / "blue" / "a.yaml").write_text("version: 1\n")
        assert bell.rang_after(before, within=30)
        before = settled(bell)
        os.rename(tmp_path / "blue", tmp_path / "former")
        assert bell.rang_after(before, within=30)
        before = settled(bell)
        (tmp_path / "blue").mkdir()
        assert bell.rang_after(before, within=30)


def test_watcher_dangling_link_to_a_file_above_gets_its_target_wakes(policies: Path, inotify: bool) -> None:
    (policies / "common.yaml").symlink_to("../common.yaml")
    with watching(policies, inotify=inotify) as (_, bell):
        (policies.parent / "common.yaml").write_text("version: 1\n")
        assert bell.rang_after(0, within=30)
