"""A real Prometheus scrapes a real agent under TLS, with a client certificate and a password."""

from __future__ import annotations

import os

import pytest

from tests.system.agent import AgentUnderTest, wait_for
from tests.system.prometheus.secured import Secured
from tests.system.prometheus.servers import prometheus, scrape, watching


@pytest.mark.slow
def test_prometheus_scrapes_what_it_may_and_goes_on_while_certificates_change(agent: AgentUnderTest) -> None:
    secured = Secured(agent)
    agent.policy("version: 1\n")
    agent.start(ready=False)
    jobs = (
        scrape("hostkeeper", secured.address, **secured.scheme()),
        scrape("wrong-password", secured.address, **secured.scheme(password="guess")),
        scrape("no-certificate", secured.address, **secured.scheme(certificate=False)),
        scrape("plain", secured.address),
    )
    with prometheus(agent.place / "prometheus", watching(*jobs)) as server:
        server.wait('up{job="hostkeeper"} == 1')
        server.wait("hostkeeper_web_config_valid == 1")
        for job in ("wrong-password", "no-certificate", "plain"):
            server.wait(f'up{{job="{job}"}} == 0')
        before = server.value("hostkeeper_web_certificate_expiry_timestamp_seconds")

        renewed = secured.authority.sign("renewed", days=60)
        os.replace(renewed.with_suffix(".key"), secured.certificate.with_suffix(".key"))
        os.replace(renewed, secured.certificate)
        server.wait(f"hostkeeper_web_certificate_expiry_timestamp_seconds > {before}")

        secured.certificate.write_text("no certificate\n")
        server.wait("hostkeeper_web_config_valid == 0")
        assert "server.crt holds no certificate in PEM" in agent.log.read_text()
        os.replace(secured.authority.sign("again"), secured.certificate)
        os.replace(agent.place / "again.key", secured.certificate.with_suffix(".key"))
        server.wait("hostkeeper_web_config_valid == 1")

        assert server.value('min_over_time(up{job="hostkeeper"}[1m])') == 1
        assert server.value('max_over_time(up{job="wrong-password"}[1m])') == 0
        unauthorised = 'hostkeeper_http_requests_total{path="/metrics", status="401"} > 0'
        server.wait(unauthorised)
    assert "secret" not in agent.log.read_text()
    assert agent.end() == 0


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: modes are judged for an agent that is root")
@pytest.mark.slow
def test_agent_that_never_had_a_good_web_configuration_lets_nobody_in_and_works(agent: AgentUnderTest) -> None:
    secured = Secured(agent)
    secured.certificate.with_suffix(".key").chmod(0o644)
    agent.policy("version: 1\n")
    agent.start(ready=False)
    wait_for(lambda: "nobody is let in" in agent.log.read_text())
    wait_for(lambda: "in force: 1 files" in agent.log.read_text())
    checked = agent.command("check")
    assert checked.returncode == 3
    assert "server.key can be read by everybody: run: chmod o-r" in checked.stderr
    assert "nobody may see the metrics" in agent.command("status").stdout
    with prometheus(agent.place / "prometheus", watching(scrape("a", secured.address, **secured.scheme()))) as server:
        server.wait("up == 0")
        secured.certificate.with_suffix(".key").chmod(0o600)
        assert agent.process is not None
        agent.process.send_signal(1)
        server.wait("up == 1")
    assert agent.command("check").returncode == 0
    assert agent.end() == 0


def test_agent_without_a_web_configuration_loads_neither_tls_nor_bcrypt(agent: AgentUnderTest) -> None:
    agent.policy("version: 1\n")
    process = agent.start()
    assert agent.get("/metrics")[0] == 200
    with open(f"/proc/{process.pid}/maps", encoding="utf-8") as maps:
        loaded = maps.read()
    assert "libssl" not in loaded
    assert "_ssl." not in loaded
    assert "_bcrypt" not in loaded
    assert agent.metric("hostkeeper_web_config_valid") is None
