"""Credentials of the agent's unit, as its runs get them."""

from __future__ import annotations

import pytest

from tests.system.bed.host import UNIT, Host

pytestmark = pytest.mark.root

_TASK = """\
  {name}:
    action: command.run
    with:
      command: [sh, -c, 'cat $CREDENTIALS_DIRECTORY/{credential}; cat {ours} 2>/dev/null || echo closed']
      user: {user}
      credentials: [{credential}]
"""


def test_runs_get_the_credentials_that_their_tasks_name(host: Host) -> None:
    host.bed.write("/etc/secret", "hunter2\n", mode=0o600)
    host.bed.write(
        f"/etc/systemd/system/{UNIT}.d/secrets.conf",
        "[Service]\nLoadCredential=password:/etc/secret\nSetCredential=other:not-asked-for\n",
    )
    host.run("systemctl", "daemon-reload")
    ours = f"/run/credentials/{UNIT}"
    users = {"as-root": ("root", "password"), "as-nobody": ("nobody", "password"), "asks-in-vain": ("root", "absent")}
    tasks = (
        _TASK.format(name=name, user=user, credential=credential, ours=f"{ours}/password")
        for name, (user, credential) in users.items()
    )
    host.policy("version: 1\ntasks:\n" + "".join(tasks))
    host.start()
    for task in ("as-root", "as-nobody"):
        host.run("hostkeeper", "run", task)
        run = host.wait_for_run(task, "succeeded")
        shown = host.command("history", str(run["id"]), "--json")
        assert "hunter2" in shown and "not-asked-for" not in shown
        assert "closed" in shown, "the agent's own are out of a run's sight"
    assert host.out("sh", "-c", "ls -A /run/hostkeeper-runs 2>/dev/null || true") == ""
    refused = host.run("hostkeeper", "run", "asks-in-vain", check=False)
    assert refused.returncode == 4
    assert "add LoadCredential=absent:FILE" in refused.stdout + refused.stderr
