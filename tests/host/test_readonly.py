from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys
from agent.host.readonly import forbid_writing
already = open(sys.argv[1] + "/open", "w")
if not forbid_writing():
    print("no landlock")
    raise SystemExit
already.write("x")
already.close()
place = sys.argv[1]
tries = {
    "write": lambda: open(place + "/file", "w"),
    "append": lambda: open(place + "/kept", "a"),
    "truncate": lambda: os.truncate(place + "/kept", 0),
    "unlink": lambda: os.unlink(place + "/kept"),
    "rename": lambda: os.rename(place + "/kept", place + "/moved"),
    "mkdir": lambda: os.mkdir(place + "/directory"),
    "rmdir": lambda: os.rmdir(place + "/empty"),
    "symlink": lambda: os.symlink("x", place + "/link"),
    "fifo": lambda: os.mkfifo(place + "/fifo"),
    "child": lambda: os.system("touch " + place + "/child 2>/dev/null") and (_ for _ in ()).throw(OSError("child")),
}
for name, attempt in tries.items():
    try:
        attempt()
        print("could", name)
    except OSError:
        pass
print("read", open(place + "/kept").read())
"""


def test_forbid_writing_leaves_nothing_to_write_with(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True, timeout=30
    )
    if done.stdout == "no landlock\n":
        pytest.skip("this kernel has no Landlock")
    assert done.stdout == "read as it was\n", done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "kept", "open"]


PROGRAM = """
import os
from agent.host.processes import SystemProcesses
from agent.host.readonly import forbid_writing
from agent.ports import Command
processes = SystemProcesses()
forbid_writing((os.devnull,))
command = Command(
    argv=("cat",),
    user=None,
    environment={"PATH": os.environ["PATH"]},
    directory="/",
    timeout=10,
    grace=1,
    output_limit=100,
)
print(processes.run(command, lambda: False).code)
"""


def test_forbid_writing_but_to_nowhere_leaves_programs_that_look_their_empty_input() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "0\n"
