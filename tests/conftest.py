"""What every test shares: tests that need root say so, and no test is skipped unseen."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

ALLOWED_SKIPS = Path(__file__).with_name("allowed-skips.txt")
NEEDS_ROOT = "needs root"
TAKES_LONG = "tests/system/"

# A busy machine must not fail a property; and where changes land, the same examples are tried every time.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.load_profile("steady" if os.environ.get("CI") == "true" else "default")

UNLISTED = 9
"""The exit code when a test was skipped that is not listed: nothing that another try would mend."""
unlisted_skips = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--listed-skips-only",
        action="store_true",
        help=f"fail when a test is skipped that {ALLOWED_SKIPS.name} does not list",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        # What takes longest comes first, so that no process waits long for another in the end.
        items.sort(key=lambda item: not item.nodeid.startswith(TAKES_LONG))
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason=NEEDS_ROOT))


def allowed_skips() -> tuple[str, ...]:
    """Return the node ids, or their beginnings, that may be skipped."""
    lines = ALLOWED_SKIPS.read_text(encoding="utf-8").splitlines()
    entries = [line.partition(" | ") for line in lines if line.strip() and not line.startswith("#")]
    if bare := [node for node, _, reason in entries if not reason.strip()]:
        raise pytest.UsageError(f"{ALLOWED_SKIPS.name}: no reason given for {', '.join(bare)}")
    return tuple(node.strip() for node, _, _ in entries)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    # Of tests in several processes, the one that started the others hears of every skip.
    if not session.config.getoption("--listed-skips-only") or hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(reporter, pytest.TerminalReporter)
    skipped = [*reporter.stats.get("skipped", ()), *reporter.stats.get("xfailed", ())]
    excused = os.geteuid() != 0
    unlisted = [
        f"{report.nodeid}: {report.longreprtext}"
        for report in skipped
        if not report.nodeid.startswith(allowed_skips()) and not (excused and NEEDS_ROOT in report.longreprtext)
    ]
    session.config.stash[unlisted_skips] = unlisted
    if unlisted:
        session.exitstatus = UNLISTED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(unlisted_skips, []):
        terminalreporter.write_line(f"SKIPPED, and not listed in tests/{ALLOWED_SKIPS.name}: {line}", red=True)
