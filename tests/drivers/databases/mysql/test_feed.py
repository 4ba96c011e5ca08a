from __future__ import annotations

import os
import subprocess
import sys

import pytest

from agent.drivers.databases.mysql import feed

HEAD = "-- MariaDB dump 10.19\n--\n-- Host: localhost\n-- ------\n/*!40101 SET NAMES utf8mb4 */;\n\n"
END = "/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n\n-- Dump completed on 2026-03-01\n"


def heading(text: str) -> str:
    return f"--\n-- {text}\n--\n\n"


def table(name: str, body: str = "") -> str:
    quoted = name.replace("`", "``")
    shown = quoted.replace("\n", "\n-- ")
    structure = heading(f"Table structure for table `{shown}`") + f"CREATE TABLE `{quoted}` (x int);\n"
    return structure + heading(f"Dumping data for table `{shown}`") + f"INSERT INTO `{quoted}` VALUES\n(1);\n{body}"


def chosen(dump: str, *names: str) -> str:
    return b"".join(feed.chosen(dump.encode().splitlines(keepends=True), names)).decode()


def test_chosen_tables_come_with_beginning_and_end_alone() -> None:
    views = heading("Final view structure for view `v`") + "CREATE VIEW `v`;\n"
    code = heading("Dumping routines for database 'shop'") + "CREATE FUNCTION f;\n"
    triggers = "CREATE TRIGGER on_b ;;\n"
    dump = HEAD + table("a") + table("b", triggers) + code + views + END
    assert chosen(dump, "b") == HEAD + table("b", triggers) + END
    assert chosen(dump, "v") == HEAD + END


@pytest.mark.parametrize(
    "hostile",
    [
        "x\n--\n-- Table structure for table `b",
        "two\nlines`",
        "`b`",
        "--",
        "b`\n--",
        "x\n--\n-- Table structure for table `b`\n--\ny",
    ],
)
def test_no_name_of_a_table_passes_for_another(hostile: str) -> None:
    dump = HEAD + table("a") + table(hostile) + table("b") + END
    assert chosen(dump, "b") == HEAD + table("b") + END
    assert chosen(dump, hostile) == HEAD + table(hostile) + END


def fed(dump: str, *client: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", "-m", feed.__name__, "[]", *client]
    return subprocess.run(argv, input=dump, capture_output=True, text=True, check=False, env=dict(os.environ))


def test_feed_hands_on_everything_and_ends_as_the_client() -> None:
    dump = HEAD + table("a") * 20_000 + END
    whole = fed(dump, "/bin/cat")
    assert (whole.returncode, whole.stdout) == (0, dump)
    assert fed(dump, "/bin/sh", "-c", "exit 5").returncode == 5
    assert fed(dump, "/bin/sh", "-c", "kill -9 $$").returncode == 137


def test_feed_tells_a_dump_without_its_end() -> None:
    for dump in ("", HEAD, HEAD + table("a"), END[:-30]):
        cut = fed(dump, "/bin/cat")
        assert (cut.returncode, cut.stdout) == (feed.NO_END, dump)
        assert "no end" in cut.stderr
