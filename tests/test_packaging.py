"""What is shipped: a wheel that holds the schemas, and a unit file that systemd accepts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = {str(path.relative_to(ROOT / "schemas")) for path in (ROOT / "schemas").rglob("*.json")}
LIST_SCHEMAS = """
import json, pathlib, agent, agent.schema
root = pathlib.Path(agent.schema.root())
print(json.dumps([agent.__file__, str(root), sorted(str(p.relative_to(root)) for p in root.rglob("*.json"))]))
"""


def build(source: Path, target: str, folder: Path) -> Path:
    """Build a wheel or an sdist as an installer does, without network and without a fresh environment."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


def schemas_seen(pythonpath: str, directory: Path) -> tuple[str, str, set[str]]:
    """Return where another process, started in `directory`, finds the package and its schemas, and which."""
    run = subprocess.run(
        [sys.executable, "-c", LIST_SCHEMAS],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": pythonpath},
        check=True,
        capture_output=True,
        text=True,
    )
    package, root, found = json.loads(run.stdout)
    return package, root, set(found)


def test_wheel_contains_the_package_and_the_schemas_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"agent", f"hostkeeper-{wheel.name.split('-')[1]}.dist-info"}
    shipped = {name.removeprefix("agent/_schemas/") for name in names if name.startswith("agent/_schemas/")}
    assert {name for name in shipped if name.endswith(".json")} == SCHEMAS


def test_wheel_installed_elsewhere_finds_its_own_schemas(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*install, "--target", str(site), str(wheel)], check=True, capture_output=True)
    package, root, found = schemas_seen(str(site), tmp_path)
    assert package.startswith(str(site))
    assert root == str(site / "agent" / "_schemas")
    assert found == SCHEMAS


def test_wheel_built_from_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    for folder in ("sdist", "source"):
        (tmp_path / folder).mkdir()
    archive = build(ROOT, "sdist", tmp_path / "sdist")
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", tmp_path / "source"], check=True)
    (source,) = (tmp_path / "source").iterdir()
    assert (source / "policies" / "daily.yaml").is_file()
    assert (source / "systemd" / "hostkeeper.service").is_file()
    (tmp_path / "wheel").mkdir()
    rebuilt = build(source, "wheel", tmp_path / "wheel")
    assert zipfile.ZipFile(rebuilt).namelist() == zipfile.ZipFile(wheel).namelist()


def test_editable_install_finds_the_schemas_of_the_checkout(tmp_path: Path) -> None:
    package, root, found = schemas_seen("", tmp_path)
    assert package == str(ROOT / "agent" / "__init__.py")
    assert root == str(ROOT / "schemas")
    assert found == SCHEMAS


def test_wheel_installs_the_command(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (entry,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert archive.read(entry).decode().split() == ["[console_scripts]", "hostkeeper", "=", "agent.__main__:main"]


def test_unit_file_passes_systemd_analyze(tmp_path: Path) -> None:
    unit = (ROOT / "systemd" / "hostkeeper.service").read_text(encoding="utf-8")
    command = shutil.which("true")
    assert command
    assert unit.count("ExecStart=/usr/bin/hostkeeper ") == 1
    # The command need not be installed on the machine that tests; everything else is judged as it stands.
    (tmp_path / "hostkeeper.service").write_text(unit.replace("/usr/bin/hostkeeper", command), encoding="utf-8")
    verdict = subprocess.run(
        ["systemd-analyze", "--man=no", "verify", str(tmp_path / "hostkeeper.service")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (verdict.returncode, verdict.stderr) == (0, "")
