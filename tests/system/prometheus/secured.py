"""An agent that is scraped under TLS, with a client certificate and a password."""

from __future__ import annotations

from typing import Any

import bcrypt

from tests.certificates import Authority
from tests.system.agent import AgentUnderTest
from tests.system.prometheus.servers import free_port

PASSWORD = "secret"


class Secured:
    """Gives an agent a web configuration, and a Prometheus what it takes to scrape it."""

    def __init__(self, agent: AgentUnderTest, settings: str = "sample_every: 1s\n") -> None:
        self.agent = agent
        self.authority = Authority(agent.place)
        self.certificate = self.authority.sign("server")
        self.client = self.authority.sign("prometheus", names="DNS:prometheus.example")
        self.address = f"127.0.0.1:{free_port()}"
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(8)).decode()
        self.web = agent.place / "web.yml"
        self.web.write_text(
            "tls_server_config:\n"
            "  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: ca.crt\n"
            "  client_auth_type: RequireAndVerifyClientCert\n"
            f"basic_auth_users: {{prometheus: {hashed}}}\n"
        )
        self.web.chmod(0o600)
        agent.config.write_text(f"metrics: {{listen: '{self.address}', web_config_file: web.yml}}\n{settings}")

    def scheme(self, *, password: str = PASSWORD, certificate: bool = True) -> dict[str, Any]:
        """Return the part of a job's configuration that says how."""
        tls = {"ca_file": str(self.authority.ca), "server_name": "localhost"}
        if certificate:
            tls |= {"cert_file": str(self.client), "key_file": str(self.client.with_suffix(".key"))}
        return {
            "scheme": "https",
            "tls_config": tls,
            "basic_auth": {"username": "prometheus", "password": password},
        }
