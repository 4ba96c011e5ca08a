from __future__ import annotations

from pathlib import Path

import pytest

from agent import registry

FAILS = "every run fails"
REFUSED = "every run is refused"
ITSELF = "the agent itself rotates"


@pytest.mark.parametrize(
    ("engine", "mode", "installed", "said"),
    [
        ("auto", 0o755, True, []),
        ("auto", 0o755, False, [ITSELF]),
        ("auto", 0o1777, True, [ITSELF]),
        ("auto", 0o1777, False, [ITSELF]),
        ("auto", 0o777, True, [REFUSED]),
        ("logrotate", 0o755, True, []),
        ("logrotate", 0o755, False, [FAILS]),
        ("logrotate", 0o1777, True, [REFUSED]),
        ("own", 0o755, False, []),
        ("own", 0o1777, True, []),
        ("own", 0o777, True, [REFUSED]),
    ],
)
def test_remarks_on_rotation_say_what_will_not_be_by_logrotate(
    engine: str, mode: int, installed: bool, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    if installed:
        (tmp_path / "bin" / "logrotate").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    logs = tmp_path / "logs"
    logs.mkdir()
    logs.chmod(mode)
    options = {"engine": engine, "paths": [f"{logs}/a.log", f"{logs}/b.log", "/nonexistent/c.log"]}
    found = registry.remarks_of("logs.rotate", options)
    assert len(found) == len(said)
    assert all(part in text for part, text in zip(said, found, strict=True))


def test_remarks_on_actions_without_any_are_none() -> None:
    assert registry.remarks_of("logs.analyze", {}) == registry.remarks_of("command.run", {}) == ()
