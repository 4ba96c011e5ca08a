from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import RunFailed
from tests.actions.logs.test_analyze import DAY, Analyst
from tests.journals import write_journal


def journal(directory: Path, *units: str) -> dict[str, object]:
    return {"directory": str(directory), "units": list(units)}


def test_analyze_of_a_journal_counts_by_priority_and_goes_on_after_what_it_has_read(tmp_path: Path) -> None:
    entries = [(f"request {n} done", 6) for n in range(50)] + [
        ("is\nbroken\nbadly", 3),
        ("raw \udcff\udcfe byte", 4),
    ]
    write_journal(tmp_path / "one.journal", entries)
    analyst = Analyst(journal=journal(tmp_path))
    assert analyst.run()["lines"] == 54
    assert analyst.number("messages", level="info") == 50
    assert analyst.number("messages", level="error") == 1
    assert analyst.number("messages", level="warning") == 1
    assert analyst.number("template_messages", level="info", template="app: request <*> done") == 50
    assert analyst.run()["lines"] == 0
    analyst.clock.advance(2 * DAY)
    write_journal(tmp_path / "two.journal", [("request 50 done", 6), ("disk failed, token=abc", 2)], first=100)
    assert analyst.run()["lines"] == 2
    (finding,) = analyst.found.findings.values()
    assert finding.severity == "critical"
    assert finding.samples == ("app: disk failed, token=[masked]",)


def test_analyze_of_a_journal_from_its_end_leaves_what_was_there(tmp_path: Path) -> None:
    write_journal(tmp_path / "one.journal", [("old", 6)])
    analyst = Analyst(journal=journal(tmp_path, "app.service"), start="end")
    assert analyst.run()["lines"] == 0
    write_journal(tmp_path / "two.journal", [("new", 6)], first=100)
    assert analyst.run()["lines"] == 1


def test_analyze_of_a_journal_that_is_none_fails(tmp_path: Path) -> None:
    analyst = Analyst(journal=journal(tmp_path))
    with pytest.raises(RunFailed, match="journalctl could not read the journal"):
        analyst.run()


def test_analyze_of_a_large_journal_stops_at_its_bound_and_goes_on(tmp_path: Path) -> None:
    write_journal(tmp_path / "one.journal", [(f"request {n} {'x' * 4000}", 6) for n in range(500)])
    analyst = Analyst(journal=journal(tmp_path), max_bytes=1 << 20)
    lines = [int(str(analyst.run()["lines"])) for _ in range(6)]
    assert sum(lines) == 500
    assert lines[0] < 500
