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


def test_way_of_a_link_that_leads_nowhere_ends_where_the_name_is_missing(tmp_path: Path) -> None:
    (tmp_path / "dir" / "sub").mkdir(parents=True)
    (tmp_path / "dir" / "beside").symlink_to("none")
    (tmp_path / "dir" / "sub" / "above").symlink_to("../none")
    for link in ("beside", "sub/above"):
        way = Walker().way(f"{tmp_path}/dir/{link}")
        assert (way.places[-1].path, way.missing) == (str(tmp_path / "dir"), "none")
