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
