from pathlib import Path

import pytest

from tools import failures

REPORT = """<testsuites><testsuite>
<testcase classname="tests.a" name="test_fine"/>
<testcase classname="tests.a" name="test_wrong">
<failure message="assert 1 == 2&#10; where 1 = f()">x</failure></testcase>
<testcase classname="tests.a" name="test_left_out"><skipped message="needs root"/></testcase>
<testcase classname="tests.b" name="test_broken"><error message="no server"/></testcase>
</testsuite></testsuites>"""


def test_failures_of_a_report_are_a_line_each_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.xml").write_text(REPORT)
    failures.main([str(tmp_path / "report.xml")])
    assert capsys.readouterr().out.splitlines() == [
        "FAILURE tests.a::test_wrong: assert 1 == 2 where 1 = f()",
        "ERROR tests.b::test_broken: no server",
    ]


@pytest.mark.parametrize("content", [None, "<testsuites>"], ids=["missing", "cut"])
def test_report_that_cannot_be_read_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    path = tmp_path / "report.xml"
    if content is not None:
        path.write_text(content)
    failures.main([str(path)])
    assert "no report of a part of the tests" in capsys.readouterr().out
