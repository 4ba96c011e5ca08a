"""What `hostkeeper check` says of files with secrets that others can reach."""

from __future__ import annotations

import json

from tests.cli.policy import good
from tests.system.agent import AgentUnderTest

SECRET = "https://hooks.example/T0K3N"
NOTIFIERS = """version: 1
notifiers:
  ops: {{apprise: {{url_file: {0}/ops.url}}}}
  hook: {{webhook: {{url_file: {0}/hook.url}}}}
  alive: {{deadman: {{url_file: {0}/alive.url}}}}
  post: {{mail: {{to: [a@b.example], user: a, password_file: {0}/mail.pw}}}}
  chat: {{webhook: {{url_file: {0}/nowhere.url}}}}
  peer: {{webhook: {{url_env: HOOK_URL}}}}
"""


def test_check_warns_of_secrets_of_notifiers_that_others_can_reach_and_shows_none(agent: AgentUnderTest) -> None:
    for name, mode in (("ops.url", 0o640), ("hook.url", 0o602), ("alive.url", 0o600), ("mail.pw", 0o644)):
        file = agent.place / name
        file.write_text(f"{SECRET}\n")
        file.chmod(mode)
    agent.policy(NOTIFIERS.format(agent.place))
    answer = agent.command("check", "--json")
    warnings = json.loads(good(answer))["warnings"]
    assert [one.partition("policy.yaml:")[2] for one in warnings] == [
        f"{line}:3: notifiers.{name}: warning: {agent.place}/{file} can be read or written by others: chmod 0600 it"
        for line, name, file in (
            (3, "ops.url_file", "ops.url"),
            (4, "hook.url_file", "hook.url"),
            (6, "post.password_file", "mail.pw"),
        )
    ]
    assert SECRET not in answer.stdout + answer.stderr


def test_check_warns_of_other_secrets_too(agent: AgentUnderTest) -> None:
    for name in ("shop.pw", "restic.pw", "web.token"):
        (agent.place / name).write_text("secret")
        (agent.place / name).chmod(0o604)
    agent.policy(
        "version: 1\n"
        f"databases:\n  shop: {{mysql: {{database: crm, password_file: {agent.place}/shop.pw}}}}\n"
        f"repositories:\n  vault: {{restic: {{repository: /srv/vault, password_file: {agent.place}/restic.pw}}}}\n"
        "probes:\n  web:\n    every: 1m\n"
        f"    http: {{url: 'http://127.0.0.1/', bearer_token_file: {agent.place}/web.token}}\n"
    )
    warnings = json.loads(good(agent.command("check", "--json")))["warnings"]
    assert [one.split(": ")[1] for one in warnings] == [
        "databases.shop.password_file",
        "repositories.vault.password_file",
        "probes.web.bearer_token_file",
    ]
