"""The Debian package as an archive: complete, the same each time, and nothing in it that should not be."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agent.policy.load_settings import load_settings
from tests.system.package import WHEN, packages
from tools.deb import documents, wheels
from tools.deb.__main__ import architecture
from tools.deb.archive import depends
from tools.house.repository import ROOT

MADE = (
    "/etc/hostkeeper/agent.yaml",
    "/etc/hostkeeper/policies.d/local.yaml",
    "/usr/bin/hostkeeper",
    "/usr/lib/systemd/system/hostkeeper.service",
    "/usr/lib/sysusers.d/hostkeeper.conf",
    "/usr/lib/tmpfiles.d/hostkeeper.conf",
    "/usr/share/bash-completion/completions/hostkeeper",
    "/usr/share/doc/hostkeeper/copyright",
    "/usr/share/doc/hostkeeper/examples/agent.yaml",
    "/usr/share/fish/vendor_completions.d/hostkeeper.fish",
    "/usr/share/man/man1/hostkeeper.1.gz",
    "/usr/share/man/man5/hostkeeper-policy.5.gz",
    "/usr/share/man/man5/hostkeeper-settings.5.gz",
    "/usr/share/zsh/vendor-completions/_hostkeeper",
)
SETTING = re.compile(r"#((?:  )*[a-z_]+:(?: .*)?)")
"""A default that is commented out, told from prose by how far it is indented."""


@pytest.fixture(scope="module")
def deb() -> Path:
    return packages() / "hostkeeper.deb"


@pytest.fixture(scope="module")
def listed(deb: Path) -> dict[str, str]:
    """Return mode and owner of everything in the package by its path."""
    lines = subprocess.check_output(["dpkg-deb", "--contents", deb], text=True).splitlines()
    rows = [line.split(maxsplit=5) for line in lines]
    return {row[5].partition(" -> ")[0].lstrip("."): f"{row[0]} {row[1]}" for row in rows}


def test_package_holds_everything_at_its_place(listed: dict[str, str]) -> None:
    assert set(MADE) <= set(listed)
    policies = {f"/etc/hostkeeper/policies.d/available/{path.name}" for path in (ROOT / "policies").glob("*.yaml")}
    assert policies <= set(listed)


def test_package_belongs_to_root_and_nobody_else_can_write_in_it(listed: dict[str, str]) -> None:
    assert {row.split()[1] for row in listed.values()} == {"root/root"}
    assert [path for path, row in listed.items() if row[0] != "l" and (row[5] == "w" or row[8] == "w")] == []


def test_package_has_compiled_modules_for_each_python_and_the_others_once(listed: dict[str, str]) -> None:
    for python in wheels.PYTHONS:
        tag = f"cpython-{python.replace('.', '')}"
        libraries = [path for path in listed if tag in path]
        assert any("/apsw/" in path for path in libraries)
        assert all(path.startswith(f"/usr/lib/hostkeeper/lib/python{python}/") for path in libraries)
    assert len([path for path in listed if path.endswith("/agent/__main__.py")]) == 1
    assert [path for path in listed if "/hatchling/" in path or "/tests/" in path or path.endswith(".pyc")] == []


def test_package_lists_what_belongs_to_the_admin(deb: Path) -> None:
    conffiles = subprocess.check_output(["dpkg-deb", "--info", deb, "conffiles"], text=True).split()
    assert "/etc/hostkeeper/agent.yaml" in conffiles
    assert "/etc/hostkeeper/policies.d/available/daily.yaml" in conffiles
    assert all(path.startswith("/etc/") for path in conffiles)


@pytest.mark.slow
def test_package_built_anew_elsewhere_is_the_same_to_the_byte(deb: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tools.deb.__main__ import build\n"
        f"build(Path({str(ROOT)!r}), {architecture()!r}, Path(sys.argv[1]), {WHEN}, level=0)"
    )
    elsewhere = {**os.environ, "TZ": "Asia/Tokyo", "LANG": "C", "TMPDIR": str(tmp_path), "PYTHONHASHSEED": "7"}
    command = ["sh", "-c", 'umask 077 && exec "$@"', "sh", sys.executable, "-c", program, str(tmp_path / "made")]
    subprocess.run(command, cwd=ROOT, env=elsewhere, check=True)
    (again,) = (tmp_path / "made").glob("*.deb")
    assert again.read_bytes() == deb.read_bytes()


@pytest.mark.slow
def test_package_for_another_machine_has_its_libraries(tmp_path: Path) -> None:
    other = next(machine for machine in wheels.MACHINES if machine != architecture())
    ours = wheels.own(ROOT, tmp_path, WHEN)
    python = wheels.PYTHONS[-1]
    folder = wheels.fetch(ROOT / "requirements.lock", python, other, ROOT / ".cache" / "wheels")
    names = [wheel.name for wheel in wheels.closure(ours, folder, python, other, tmp_path)]
    compiled = [name for name in names if not name.endswith("-any.whl")]
    assert len(compiled) > 5
    assert all(wheels.MACHINES[other] in name for name in compiled)


def test_package_asks_for_the_pythons_it_was_built_for() -> None:
    assert depends().startswith(
        "python3 (>= 3.11), python3 (<< 3.12) | python3 (>= 3.13), python3 (<< 3.14), libc6 (>= 2.28)"
    )


def test_completion_of_the_package_is_taken_up_by_the_shell(tmp_path: Path) -> None:
    script = tmp_path / "hostkeeper"
    script.write_bytes(documents.completions()["bash-completion/completions/hostkeeper"])
    program = """
    source "$1"
    shift
    COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1))
    words=($(complete -p hostkeeper))
    "${words[-2]}" || true
    echo "${COMPREPLY[@]}"
    """

    def completed(*words: str) -> list[str]:
        return subprocess.check_output(["bash", "-c", program, "bash", str(script), *words], text=True).split()

    (tmp_path / "plan.json").touch()
    (tmp_path / "policies").mkdir()
    assert completed("hostkeeper", "his") == ["history"]
    assert completed("hostkeeper", "apply", f"{tmp_path}/pl") == [f"{tmp_path}/plan.json"]
    assert completed("hostkeeper", "plan", "tidy", "-o", f"{tmp_path}/pl") == [f"{tmp_path}/plan.json"]
    assert completed("hostkeeper", "check", "--policies", f"{tmp_path}/") == [f"{tmp_path}/policies"]


def test_settings_of_the_example_change_nothing_and_show_every_setting(tmp_path: Path) -> None:
    text = documents.settings().decode()
    assert yaml.safe_load(text) == {"version": 1}
    shown = "\n".join(found[1] for line in text.splitlines() if (found := SETTING.fullmatch(line)))
    wanted = json.loads((ROOT / "schemas" / "agent.schema.json").read_bytes())["properties"]
    assert {"version", *yaml.safe_load(shown)} == {*wanted}
    for name, document in (("shipped", text), ("uncommented", shown)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(document)
        assert load_settings(str(path), root=False) == load_settings(str(tmp_path / "none.yaml"))
