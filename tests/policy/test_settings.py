"""`agent.yaml`: defaults, every field, every mistake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.errors import PolicyError
from agent.model.settings import RunLimits, SampleSettings, Settings
from agent.policy.load_settings import load_settings
from agent.policy.settings import default_settings

CHOICES = "is not one of the choices: did you mean systemd? (one of auto, child, systemd)"
LIMITS = "cpu_weight, idle_io, memory, nice, processes"
DEFAULTS = Settings(
    listen="127.0.0.1:9750",
    web_config="",
    sample_every=10,
    concurrency=4,
    grace=30,
    timezone="local",
    host_id="",
    history=90 * 86400,
    ballast=8 << 20,
    log_level="info",
    launcher="auto",
    run_limits=RunLimits(nice=0, idle_io=False, memory=None, cpu_weight=None, processes=None),
    samples=SampleSettings(raw=6 * 3600, kept=400 * 86400, series=300),
    incidents="critical",
)


def loaded(directory: Path, text: str) -> Settings:
    (directory / "agent.yaml").write_text(text)
    return load_settings(str(directory / "agent.yaml"), root=False)


def mistakes(directory: Path, text: str) -> list[str]:
    with pytest.raises(PolicyError) as error:
        loaded(directory, text)
    return [str(mistake).removeprefix(f"{directory}/") for mistake in error.value.mistakes]


def test_file_that_does_not_exist_means_the_defaults(tmp_path: Path) -> None:
    assert load_settings(str(tmp_path / "agent.yaml")) == default_settings() == DEFAULTS


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "{}", "version: 1\n", "x-note: mine\n"])
def test_file_that_sets_nothing_means_the_defaults(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text) == DEFAULTS


def test_every_setting_can_be_set(tmp_path: Path) -> None:
    text = """
version: 1
metrics: {listen: "[::1]:9751", web_config_file: web.yml}
sample_every: 5s
concurrency: 2
grace: 1m
timezone: Europe/Berlin
host_id: shop-1
history: 30d
ballast: 16MiB
log_level: debug
launcher: systemd
run_limits: {nice: 10, idle_io: true, memory: 1GiB, cpu_weight: 20, processes: 500}
samples: {raw: 1h, kept: 0s, series: 10}
incidents: warning
"""
    assert loaded(tmp_path, text) == Settings(
        listen="[::1]:9751",
        web_config="web.yml",
        sample_every=5,
        concurrency=2,
        grace=60,
        timezone="Europe/Berlin",
        host_id="shop-1",
        history=30 * 86400,
        ballast=16 << 20,
        log_level="debug",
        launcher="systemd",
        run_limits=RunLimits(nice=10, idle_io=True, memory=1 << 30, cpu_weight=20, processes=500),
        samples=SampleSettings(raw=3600, kept=0, series=10),
        incidents="warning",
    )


@pytest.mark.parametrize("listen", ["", "127.0.0.1:0", "0.0.0.0:9750", "[::]:80", "localhost:9750", "unix:/run/x.sock"])
def test_address_may_be_an_address_and_a_port_or_a_socket(tmp_path: Path, listen: str) -> None:
    assert loaded(tmp_path, f'metrics: {{listen: "{listen}"}}').listen == listen


@pytest.mark.parametrize("listen", ["9750", ":9750", "host:9750", "127.0.0.1", "unix:relative", "127.0.0.1:port"])
def test_other_address_is_refused_with_advice(tmp_path: Path, listen: str) -> None:
    (mistake,) = mistakes(tmp_path, f'metrics: {{listen: "{listen}"}}')
    assert mistake.endswith("127.0.0.1:9750 or [::1]:9750, or unix:/run/hostkeeper/metrics.sock")


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    text = """
concurency: 4
concurrency: 0
sample_every: 500ms
history: 1h
ballast: lots
timezone: Europe/Belrin
log_level: verbose
metrics: {adress: x}
notifiers: {}
launcher: systemctl
run_limits: {nice: -5, memory: 1MiB, threads: 4}
"""
    assert mistakes(tmp_path, text) == [
        'agent.yaml:2:1: concurency: unknown key "concurency": did you mean concurrency?',
        "agent.yaml:3:14: concurrency: 0 is too small: write at least 1",
        'agent.yaml:4:15: sample_every: "500ms" is not a duration: write 0.5s',
        "agent.yaml:5:10: history: 1h is too small: give at least 1d",
        'agent.yaml:6:10: ballast: "lots" is not a size: write a size such as 10MiB, 5GB, or a plain number of bytes',
        'agent.yaml:7:11: timezone: "Europe/Belrin" is not a time zone: did you mean "Europe/Berlin"?',
        'agent.yaml:8:12: log_level: "verbose" is not one of the choices: write one of debug, info, warning, error',
        'agent.yaml:9:11: metrics.adress: unknown key "adress": known keys: listen, web_config_file',
        "agent.yaml:10:1: notifiers: notifiers is not supported by this version of hostkeeper: remove it",
        f'agent.yaml:11:11: launcher: "systemctl" {CHOICES}',
        "agent.yaml:12:20: run_limits.nice: -5 is too small: write at least 0",
        "agent.yaml:12:32: run_limits.memory: 1MiB is too small: give at least 64MiB",
        f'agent.yaml:12:38: run_limits.threads: unknown key "threads": known keys: {LIMITS}',
    ]


@pytest.mark.parametrize("text", ["- a\n", "text\n", "a: [\n", "timezone: !!str x\n"])
def test_what_is_no_map_of_settings_is_a_mistake(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)


def test_file_that_is_being_written_or_leads_nowhere_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").symlink_to("missing")
    with pytest.raises(PolicyError, match="leads nowhere"):
        load_settings(str(tmp_path / "agent.yaml"), root=False)
    (tmp_path / "missing").touch()
    with open(tmp_path / "missing", "a"), pytest.raises(PolicyError, match="is being written"):
        load_settings(str(tmp_path / "agent.yaml"), root=False)


@pytest.mark.root
def test_file_that_others_can_write_is_a_mistake_for_root(tmp_path: Path) -> None:
    (tmp_path / "agent.yaml").write_text("concurrency: 2\n")
    tmp_path.chmod(0o755)
    assert load_settings(str(tmp_path / "agent.yaml")).concurrency == 2
    os.chmod(tmp_path / "agent.yaml", 0o666)
    with pytest.raises(PolicyError, match="run: chmod go-w"):
        load_settings(str(tmp_path / "agent.yaml"))
