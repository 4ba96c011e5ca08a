"""`hostkeeper selftest`: inject the failure of each threshold into a sandbox, and see everything answer."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
from collections.abc import Iterable
from contextlib import ExitStack

from msgspec.structs import asdict

from agent.cli.notifying.test import tested
from agent.cli.output import emit_json, harmless
from agent.cli.replay_command import chosen
from agent.cli.world import World
from agent.daemon.selftest import Sandbox, Stage, Trial
from agent.engine.proofs import Proof, keep
from agent.errors import ExitCode, NotFound, StoreError
from agent.host.asides import Asides
from agent.host.clock import SystemClock
from agent.model.policies import PolicySet, Probe, Threshold
from agent.model.signals import Sample, Sampling
from agent.probes.host import HostProbe
from agent.probes.prober.frames import Order
from agent.probes.prober.measuring import GRACE, Measuring
from agent.probes.wanted import wanted
from agent.store import Store

PAUSE = 1.1
"""Seconds between two passes over the host: rates take two."""


def main(arguments: argparse.Namespace) -> int:
    """Try thresholds one after the other; exit code 9 unless everything has answered for each of them."""
    world, clock = World(arguments), SystemClock()
    policies = world.policies()
    names = chosen(policies, arguments.threshold)
    if not names:
        raise NotFound("there is no threshold to try")
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix="hostkeeper-selftest-"))
        known = world.store_if_any()
        store = stack.enter_context(known) if known is not None else None
        measured = Measured(policies, [policies.thresholds[name] for name in names], place, store)
        told = Told(policies, world, send=not arguments.no_send)
        trials = []
        for number, name in enumerate(names):
            _progress(number, len(names), name)
            with Store(os.path.join(place, f"store-{number}")) as own:
                own.connection.rows("PRAGMA synchronous = OFF")  # nothing of it is to outlive this process
                settings = world.settings()
                sandbox = Sandbox(own, policies, world.zone, settings.sample_every, settings.incidents)
                trials.append(sandbox.tried(name, clock.now().timestamp(), measured, told))
    if known is not None:  # else there is no agent to tell
        _keep(world, policies, trials)
    if arguments.json:
        emit_json([{**asdict(one), "passed": one.passed} for one in trials])
    else:
        print("\n".join(text(trials)))
    return ExitCode.OK if all(one.passed for one in trials) else ExitCode.UNHEALTHY


def _progress(number: int, total: int, name: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{number + 1} of {total}: {harmless(name)[:60]}", end="", file=sys.stderr, flush=True)
        if number + 1 == total:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Measured:
    """Measures what thresholds are about as the agent does: each source once, whichever thresholds ask for it."""

    def __init__(self, policies: PolicySet, thresholds: Iterable[Threshold], place: str, store: Store | None) -> None:
        self._policies = policies
        self._place = place
        self._store = store
        self._clock = SystemClock()
        thresholds = tuple(thresholds)
        self._wanted = wanted(thresholds)
        self._signals = {threshold.signal for threshold in thresholds}
        self._known: dict[str, Sampling] = {}

    def __call__(self, threshold: Threshold) -> Sampling:
        """Return what its source has just given."""
        source = threshold.signal.partition(".")[0]
        group = source if source in self._policies.probes or source in self._policies.tasks else ""
        if group not in self._known:
            self._known[group] = self._measure(group)
        return self._known[group]

    def _measure(self, source: str) -> Sampling:
        if source in self._policies.probes:
            return self._of_probe(self._policies.probes[source])
        if source:
            return self._of_task(source)
        probe = HostProbe(self._clock.monotonic, self._wanted)
        probe.sample()
        self._clock.sleep(PAUSE)
        return probe.sample()

    def _of_probe(self, probe: Probe) -> Sampling:
        order = Order(0, probe.name, probe.kind, probe.settings, probe.every, probe.timeout, 0.0)
        measuring = Measuring(order, self._place, Asides(), self._clock)
        found = _asked(measuring, probe)
        given = {one.signal for one in found.samples}
        if found.errors or not any(one.partition(".")[0] == probe.name for one in self._signals - given):
            return found
        # What is counted from one measurement to the next takes two.
        self._clock.sleep(PAUSE)
        return _asked(measuring, probe)

    def _of_task(self, task: str) -> Sampling:
        found = self._store.findings.readings(task) if self._store is not None else None
        if found is None:
            return Sampling((), {task: f"no run of {task} has left numbers yet"})
        samples = tuple([Sample(f"{task}.{one.signal}", one.labels, one.value) for one in found[1]])
        return Sampling(samples, {})


def _asked(measuring: Measuring, probe: Probe) -> Sampling:
    """Measure a probe once, and wait no longer than it may take."""
    measuring.begin()
    found: list[Sampling] = []

    def measure() -> None:
        measured = measuring.measure()
        samples = tuple([Sample(f"{probe.name}.{one.signal}", one.labels, one.value) for one in measured.samples])
        found.append(Sampling(samples, {probe.name: measured.error} if measured.error else {}))

    # One that hangs is left: this process ends soon.
    thread = threading.Thread(target=measure, daemon=True)
    thread.start()
    thread.join(probe.timeout + GRACE)
    return found[0] if found else Sampling((), {probe.name: f"no answer within {probe.timeout:g} s"})


class Told:
    """Sends a test message through a notifier once, however many thresholds name it; not at all without `send`."""

    def __init__(self, policies: PolicySet, world: World, *, send: bool) -> None:
        self._policies = policies
        self._world = world
        self._send = send
        self._known: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        """Return why a notifier did not deliver, "" when it did."""
        if name not in self._known:
            self._known[name] = self._try(name)
        return self._known[name]

    def _try(self, name: str) -> str:
        if not self._send:
            return "not tried: --no-send"
        answers = tested(self._policies.notifiers[name], "hostkeeper selftest", self._world.zone)
        return "; ".join(answer.said or "not delivered" for answer in answers.values() if not answer.delivered)


def _keep(world: World, policies: PolicySet, trials: Iterable[Trial]) -> None:
    """Remember what came of it, for the metrics and for the next to look."""
    tried = [(one.threshold, Proof(one.at, one.failed)) for one in trials]
    try:
        with world.store() as store:
            keep(store, tried, policies.thresholds)
    except StoreError as error:
        print(f"this is not remembered: {error}", file=sys.stderr)


def text(trials: Iterable[Trial]) -> list[str]:
    """Given what came of each threshold, return it as lines."""
    lines = []
    for trial in trials:
        lines.append(f"{'passed' if trial.passed else 'FAILED'}  {harmless(trial.threshold)}")
        for stage in Stage:
            if stage.value in trial.failed:
                lines.append(f"  ! {stage:<10}{harmless(trial.failed[stage.value])}")
            elif stage.value in trial.answered:
                lines.append(f"    {stage:<10}{harmless(trial.answered[stage.value])}")
    return lines
