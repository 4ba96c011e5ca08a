"""The wheel installed by pipx: an environment of its own, schemas and all, without a checkout and without network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_packaging import ROOT, build
from tools.deb import wheels
from tools.deb.__main__ import architecture

pytestmark = pytest.mark.slow

PYTHON = "{}.{}".format(*sys.version_info)
POLICY = """
version: 1
tasks:
  greet: {action: command.run, with: {command: ["true"]}}
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command that pipx has installed from the wheel and the wheels of the lock."""
    place = tmp_path_factory.mktemp("pipx")
    (place / "wheel").mkdir()
    wheel = build(ROOT, "wheel", place / "wheel")
    needed = wheels.fetch(ROOT / "requirements.lock", PYTHON, architecture(), ROOT / ".cache" / "wheels")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PIP", "PYTHON"))},
        "PIPX_HOME": str(place / "home"),
        "PIPX_BIN_DIR": str(place / "bin"),
        "PIPX_MAN_DIR": str(place / "man"),
        "PIPX_DISABLE_SHARED_LIBS_AUTO_UPGRADE": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(needed),
    }
    install = [sys.executable, "-m", "pipx", "install", "--backend", "pip", "--python", sys.executable, str(wheel)]
    done = subprocess.run(install, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "bin" / "hostkeeper"


def test_command_of_pipx_checks_the_shipped_policies_against_its_own_schemas(command: Path, tmp_path: Path) -> None:
    policies = shutil.copytree(ROOT / "policies", tmp_path / "policies")
    subprocess.run(["chmod", "-R", "go-w", policies], check=True)
    out = subprocess.check_output([command, "check", policies], cwd=tmp_path, text=True)
    assert out.startswith(f"good: {len(list(policies.glob('*.yaml')))} files")
    source = "import agent.schema; print(agent.schema.root())"
    python = command.resolve().with_name("python")
    folder = subprocess.check_output([python, "-I", "-c", source], cwd=tmp_path, text=True)
    assert Path(folder.strip()).is_relative_to(command.parents[1] / "home")


@pytest.mark.root
def test_command_of_pipx_starts_the_process_of_a_run(command: Path, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir(mode=0o700)
    (tmp_path / "policies" / "policy.yaml").write_text(POLICY)
    (tmp_path / "policies" / "policy.yaml").chmod(0o600)
    places = ["--policies", f"{tmp_path}/policies", "--state", f"{tmp_path}/state"]
    subprocess.run([command, "run", "greet", *places], cwd=tmp_path, check=True)
    history = subprocess.check_output([command, "history", *places], cwd=tmp_path, text=True)
    assert "greet" in history
    assert "succeeded" in history
