"""The way to a path."""

from __future__ import annotations

from pathlib import Path

from agent.host.watch.way import Walker


def test_way_follows_links_and_parents_like_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "real" / "beside").mkdir()
    (tmp_path / "link").symlink_to("real/inner")
    way = Walker().way(f"{tmp_path}/link/../beside")
    assert way.places[-1].path == str(tmp_path / "real" / "beside")
    assert str(tmp_path / "link") in {place.path for place in way.places}


def test_way_loop_of_links_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert Walker().way(str(tmp_path / "a")).missing
