"""What the tests of policies share: the real schemas with stand-ins for actions, and a compiler of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.policy.compile import Compiler
from agent.schema import Schemas, root
from tests.policy.samples import HERE


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Schemas:
    folder = tmp_path_factory.mktemp("schemas")
    for name in ("policy.schema.json", "agent.schema.json"):
        shutil.copy(Path(root(), name), folder)
    shutil.copytree(HERE / "actions", folder / "actions")
    return Schemas(str(folder))


@pytest.fixture(scope="session")
def compiler(schemas: Schemas) -> Compiler:
    return Compiler(schemas)
