"""Manual pages say what the reference says, and man renders them without a complaint."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.deb import documents, roff
from tools.reference import pages

MANUALS = documents.manuals("1.2", 1_760_000_000)


@pytest.mark.parametrize(
    ("markdown", "line"),
    [
        ("`--state DIR` is a path", "\\fB\\-\\-state DIR\\fR is a path"),
        ("**`key`** (`'x'`)", "\\fBkey\\fR (\\fB\\(aqx\\(aq\\fR)"),
        (".hidden files", "\\&.hidden files"),
        ("a\\b", "a\\eb"),
        ("one of [those](known.md), [others](unknown.md)", "one of those (page(7)), others"),
        ("'quoted' first", "\\(aqquoted\\(aq first"),
    ],
)
def test_inline_text_is_rendered_as_it_stands(markdown: str, line: str) -> None:
    assert roff.inline(markdown, {"known.md": "page(7)"}) == line


def test_table_becomes_a_paragraph_per_row_with_the_last_cell_first() -> None:
    table = ["| name | type | means |", "| --- | --- | --- |", "| `a\\|b` | gauge | What. |"]
    assert list(roff.body("\n".join(table), {})) == [".TP", "\\fBa|b\\fR", "What. (gauge)"]


def test_nested_bullet_is_indented() -> None:
    assert list(roff.body("- a\n  - b", {})) == [".IP \\(bu 3", "a", ".RS 4", ".IP \\(bu 3", "b", ".RE"]


def test_block_stands_as_it_is() -> None:
    lines = list(roff.body("```yaml\n.key: 'a'\n\nb: 1\n```", {}))
    assert lines == [".PP", ".RS 4", ".EX", "\\&.key: \\(aqa\\(aq", "\\&", "\\&b: 1", ".EE", ".RE"]


def test_every_page_of_the_reference_is_in_a_manual_page() -> None:
    assert {*documents.PAGES, "exit-codes.md"} == {*pages.PAGES}


@pytest.fixture(scope="module")
def groff() -> dict[str, str]:
    """Return the environment in which groff finds its parts, wherever it was unpacked."""
    found = shutil.which("groff")
    assert found, "groff is missing: `make test` provides it"
    home = Path(found).resolve().parents[1]
    parts = {name: ":".join(map(str, home.glob(f"share/groff/*/{name}"))) for name in ("font", "tmac")}
    return {
        "PATH": f"{home}/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "GROFF_FONT_PATH": parts["font"],
        "GROFF_TMAC_PATH": parts["tmac"],
    }


@pytest.mark.parametrize("name", MANUALS)
def test_manual_page_is_rendered_without_a_complaint(name: str, groff: dict[str, str]) -> None:
    command = ["groff", "-mandoc", "-ww", "-Tutf8", "-Kutf8", "-P-c"]
    page = gzip.decompress(MANUALS[name])
    done = subprocess.run(command, input=page, capture_output=True, env=groff, check=True)
    assert done.stderr == b""
    assert b"S\bSE\bEE\bE A\bAL\bLS\bSO\bO" in done.stdout


def test_manual_page_of_the_command_describes_every_command_and_exit_code() -> None:
    page = gzip.decompress(MANUALS["man1/hostkeeper.1.gz"]).decode()
    for heading in ("hostkeeper agent", "hostkeeper release\\-hold", "EXIT STATUS", "FILES"):
        assert f".SH {heading}" in page
