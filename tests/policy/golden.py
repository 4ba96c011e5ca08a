"""Writes anew what is said of the bad samples: `python -m tests.policy.golden`, then read the difference."""

from __future__ import annotations

import tempfile
from pathlib import Path

from agent.policy.broken import Broken
from agent.policy.compile import Compiler
from agent.schema import Schemas, root
from tests.policy.samples import BAD, HERE, SETS
from tests.policy.test_mistakes import said_of_set


def main() -> None:
    """Write every golden file."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("policy.schema.json", "agent.schema.json"):
            Path(folder, name).write_bytes(Path(root(), name).read_bytes())
        Path(folder, "actions").symlink_to(HERE / "actions")
        schemas = Schemas(folder)
        compiler = Compiler(schemas)
        for sample in BAD:
            try:
                compiler.policy(sample.read_bytes(), sample.name)
            except Broken as broken:
                sample.with_suffix(".txt").write_text("".join(f"{mistake}\n" for mistake in broken.mistakes))
        for directory in SETS:
            if said := said_of_set(directory, schemas):
                (directory / "expected.txt").write_text(said)


if __name__ == "__main__":
    main()
