"""People are told under a real systemd, from within the sandbox of the agent's unit."""

from __future__ import annotations

import pytest

from tests.system.agent import wait_for
from tests.system.bed.host import Host

pytestmark = pytest.mark.root

POLICY = """
version: 1
notifiers:
  ops: {webhook: {url_credential: ops.url}, group_wait: 0s}
thresholds:
  busy: {signal: load.1m, above: -1, notify: [ops]}
"""
LISTENS = """
import http.server

class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open("/run/told", "ab") as file:
            file.write(self.path.encode() + b" " + body + b"\\n")
        self.send_response(204)
        self.end_headers()

http.server.HTTPServer(("127.0.0.1", 8099), Hook).serve_forever()
"""


@pytest.mark.parametrize("suite", ["bookworm"], indirect=True)
def test_message_is_sent_within_the_sandbox_of_the_unit(host: Host) -> None:
    host.bed.write("/etc/hosts", "127.0.0.1 hook.example\n")
    host.bed.write("/root/listens.py", LISTENS)
    host.bed.write("/root/ops.url", "http://hook.example:8099/s3cret\n", mode=0o600)
    drop_in = "[Service]\nLoadCredential=ops.url:/root/ops.url\n"
    host.bed.write("/etc/systemd/system/hostkeeper.service.d/credentials.conf", drop_in)
    host.run("systemctl", "daemon-reload")
    host.run("systemd-run", "--unit=listens", "python3", "/root/listens.py")
    host.policy(POLICY)
    host.start()
    told = wait_for(lambda: _told(host) or None, saying="for the message")
    assert told.startswith("/s3cret ")
    assert "busy fires" in told
    wait_for(lambda: host.metric('hostkeeper_notifier_delivered_total{notifier="ops"}') == 1)
    assert "s3cret" not in host.run("journalctl", "--unit=hostkeeper").stdout


def _told(host: Host) -> str:
    return host.run("cat", "/run/told", check=False).stdout
