"""What `agent.yaml` says, as the model's settings; the daemon reads them from the compiler's answer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from agent.model.settings import RunLimits, SampleSettings, Settings
from agent.policy.normalise import normalise, plan_of
from agent.schema import Schemas


def default_settings(schemas: Schemas | None = None) -> Settings:
    """Return the settings of an agent without `agent.yaml`."""
    return settings_from(normalise(plan_of((schemas or Schemas()).settings()), {}, []))


def web_config_path(settings: Settings, config: str) -> str:
    """Given settings and the path of the file they come from, return the path of the web configuration, "" for none."""
    return os.path.join(os.path.dirname(os.path.abspath(config)), settings.web_config) if settings.web_config else ""


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Given normalised settings as a JSON object, return them."""
    return Settings(
        listen=values["metrics"]["listen"],
        web_config=values["metrics"]["web_config_file"],
        sample_every=values["sample_every"],
        concurrency=values["concurrency"],
        grace=values["grace"],
        timezone=values["timezone"],
        host_id=values["host_id"],
        history=values["history"],
        ballast=int(values["ballast"]),
        log_level=values["log_level"],
        launcher=values["launcher"],
        run_limits=_run_limits(values["run_limits"]),
        samples=SampleSettings(**values["samples"]),
        incidents=values["incidents"],
    )


def _run_limits(values: Mapping[str, Any]) -> RunLimits:
    return RunLimits(
        nice=values["nice"],
        idle_io=values["idle_io"],
        memory=None if values["memory"] is None else int(values["memory"]),
        cpu_weight=values["cpu_weight"],
        processes=values["processes"],
    )
