"""The daemon: puts policies in force, watches the host and the clock, starts what is due, and tells how it goes."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from typing import TYPE_CHECKING

from agent.daemon.dispatcher import Dispatcher
from agent.daemon.evidence import NOTE_SECONDS, Evidence
from agent.daemon.loop import Loop
from agent.daemon.others import Others
from agent.daemon.planner import Planner
from agent.daemon.policies import Policies
from agent.daemon.pulse import Pulse
from agent.daemon.reloads import Reloads
from agent.daemon.telling import Teller, named
from agent.daemon.upkeep import Upkeep
from agent.daemon.watching import Watching
from agent.engine.agenda import Agenda
from agent.engine.supervise import Supervisor, Watched
from agent.errors import RunFailed
from agent.host.notify import Notifier
from agent.metrics import Metrics
from agent.model.policies import PolicySet, Task
from agent.model.reasons import Reason
from agent.model.runs import Run
from agent.model.settings import Settings
from agent.ports import Clock, Launcher
from agent.store import Store

if TYPE_CHECKING:  # imported once the agent is ready
    from agent.daemon.web import Web
    from agent.host.http import HttpServer

LOG = logging.getLogger(__name__)
RESCAN_SECONDS = 60.0
"""How often it is asked whether the policy directory has to be looked at although nothing was heard."""

HUNG_SECONDS = 60.0
"""A loop that is this late beyond its sampling interval is not healthy."""


class Daemon:
    """Composes the parts and turns the loop. `http` is None where no address is to be listened on."""

    def __init__(
        self,
        *,
        store: Store,
        settings: Settings,
        policies: Policies,
        clock: Clock,
        launcher: Launcher,
        notifier: Notifier,
        metrics: Metrics,
        local: tzinfo,
        host: str,
        boot: str,
    ) -> None:
        self._store, self._settings = store, settings
        self._clock, self._launcher = clock, launcher
        self._notifier, self._metrics = notifier, metrics
        self._local = local
        self._worst_lag, self._mark = 0.0, (0, 0)
        self.ready = self._stopping = self._idle = False
        self.beat = time.monotonic()
        self.http: HttpServer | None = None
        self._loop = Loop(clock, self._stepped, lambda: None)
        self._policies = policies
        self._reloadable: list[Policies | Web] = [policies]
        policies.attach(self._loop, self._put_in_force, Reloads(store, notifier))
        self._planner = Planner(store, local, host, clock, boot)
        self._supervisor = Supervisor(store, launcher, clock, grace=settings.grace, boot=boot)
        self._dispatcher = Dispatcher(
            store, self._supervisor, clock, settings.concurrency, started=self._started, ended=self._ended
        )
        self._others = Others(store, self._ended)
        self._teller = Teller(store, metrics, notifier)
        self._evidence = Evidence(store, metrics)
        self._watching = Watching(
            store=store,
            settings=settings,
            loop=self._loop,
            clock=clock,
            metrics=metrics,
            teller=self._teller,
            local=local,
            host=host,
            made=self._take_on,
        )
        self.course = self._watching.course

    def run(self, afterwards: Callable[[], None]) -> None:
        """Be the agent until SIGTERM or SIGINT; `afterwards` is called as soon as it is ready."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        signal.signal(signal.SIGHUP, lambda *_: [part.reload() for part in self._reloadable])
        self._policies.start()
        Upkeep(self._store, self._settings.history, self._loop, self._clock, tidy=self._watching.tidy).start()
        self._loop.every(NOTE_SECONDS, self._evidence.note)
        self._loop.every(RESCAN_SECONDS, self._policies.suspect)
        self._loop.steadily("sample", self._settings.sample_every, self._sample)
        self._loop.alarm("afterwards", self._clock.monotonic(), afterwards)
        with Pulse(self._notifier, self._loop):
            self.ready = True
            self._notifier.ready()
            self._loop.run()
        self._evidence.note()
        self._watching.stop()
        for part in self._reloadable:
            part.stop()
        self._loop.close()

    def attach(self, web: Web) -> None:
        """Given who keeps a web configuration in force, let it do so."""
        self._reloadable.append(web)
        web.start(self._loop)

    def sickness(self) -> str:
        """Return what is wrong with the loop, or "" while it comes round; for any thread."""
        silent = time.monotonic() - self.beat
        late = self._settings.sample_every + HUNG_SECONDS
        return f"the loop has not come round for {silent:.0f} s" if silent > late else ""

    def unreadiness(self) -> str:
        """Return why no policies are acted on, or "" when they are; for any thread."""
        if self._stopping or not self.ready:
            return "stopping" if self._stopping else "starting"
        return "" if self._policies.acting else "the policy files have mistakes, and no set was ever in force"

    def stop(self) -> None:
        """Ask every run to stop at its next checkpoint, and leave when the last has."""
        if not self._stopping:
            self._stopping, self.ready = True, False
            self._notifier.stopping()
            self._loop.insist("stop", self._clock.monotonic(), self._stop_runs)
            self._loop.wake()

    def _stop_runs(self) -> None:
        for number in list(self._supervisor.children):
            self._supervisor.request_stop(number, Reason.AGENT_STOPPING)
        self._after_change()

    def _put_in_force(self, policies: PolicySet) -> None:
        now = self._now()
        first = not self.ready
        self._dispatcher.put_in_force(policies, Agenda(self._store, policies, self._local))
        self._watching.put_in_force(policies, now)
        if first:
            # Before anything ends: only what ends of tasks that were told of is counted.
            self._teller.tasks(policies, {}, ())
            self._others.start()
            self._recover(policies)
        self._dispatcher.add(self._planner.put_in_force(policies, now))
        self._dispatcher.adopt()
        self._teller.tasks(policies, self._planner.next_by_task(), self._planner.replanned)
        self._dispatch()

    def _recover(self, policies: PolicySet) -> None:
        if not self._supervisor.children:
            self._supervisor.sweep_ended()
            for run in self._take_up(policies.tasks):
                self._dispatcher.settled(run)
            for watched in self._supervisor.children.values():
                self._watch(watched)
        self._dispatcher.load()
        self._dispatcher.owed_retries()

    def _take_up(self, tasks: Mapping[str, Task], *, strays: bool = False) -> list[Run]:
        try:
            return self._supervisor.recover(tasks, strays=strays)
        except RunFailed as error:
            LOG.error("%s; this is tried again", error)
            return []

    def _dispatch(self) -> None:
        self._loop.attempt("dispatch", self._look_for_work)

    def _look_for_work(self) -> None:
        """Make what is due, start what may start, and set the alarm for when to look again."""
        if self._stopping:
            self._loop.alarm("dispatch", None, self._dispatch)
        else:
            made = self._planner.tick(self._now())
            self._dispatcher.add(made)
            if made:
                due = self._planner.next_by_task()
                self._metrics.next_due({run.task: due.get(run.task) for run in made})
            self._alarm_at("dispatch", self._dispatcher.dispatch(), self._planner.next_due())
        self._after_change()

    def _alarm_at(self, name: str, *instants: float | None) -> None:
        """Set the alarm of dispatching to the earliest of some instants of the wall clock."""
        earliest = min((instant for instant in instants if instant is not None), default=None)
        if earliest is not None:
            earliest = self._clock.monotonic() + max(0.0, earliest - self._now())
        self._loop.alarm(name, earliest, self._dispatch)

    def _after_change(self) -> None:
        self._loop.insist("supervise", self._supervisor.next_deadline(), self._supervise)
        running = len(self._supervisor.children)
        holds = {name: hold.reason for name, hold in self._store.holds.held().items()}
        self._teller.queue(running, self._dispatcher.waits.values(), holds)
        self.tell_status()
        self._watching.send()
        if self._stopping and not running:
            self._loop.stop()

    def tell_status(self) -> None:
        """Tell systemd in one line what the agent is doing."""
        state = "stopping" if self._stopping else "watching"
        running = named(watched.task for watched in self._supervisor.children.values())
        trouble = f"; {self._policies.trouble}" if self._policies.trouble else ""
        self._teller.status(f"{state}: {running} running, {self._dispatcher.pending} waiting{trouble}")

    def _supervise(self) -> None:
        self._supervisor.tick()
        self._loop.insist("supervise", self._supervisor.next_deadline(), self._supervise)

    def _started(self, watched: Watched) -> None:
        self._teller.run_started(watched.task, watched.run)
        self._watch(watched)
        self._metrics.run_started(self._dispatcher.delay)

    def _watch(self, watched: Watched) -> None:
        self._loop.watch(watched.child.fileno(), lambda: self._settle(watched))

    def _settle(self, watched: Watched) -> None:
        self._loop.unwatch(watched.child.fileno())
        self._dispatcher.settle(watched.run)
        successor = self._supervisor.children.get(watched.run)
        if successor is not None:
            self._watch(successor)
        self._dispatch()

    def _ended(self, run: Run) -> None:
        self._others.told(run.id)
        self._teller.run_ended(run)
        self._watching.ended(run)

    def _sample(self) -> None:
        self._watching.sample(self._now())
        if self._look_at_store():
            self._dispatch()
        self._launcher.reap()
        self._worst_lag = max(self._worst_lag, self._loop.lag)
        self._teller.daemon(self._worst_lag, self._loop.wakeups, self.http.counts if self.http else None)
        self._worst_lag = self._loop.lag = 0.0
        self.beat = time.monotonic()

    def _take_on(self, runs: Iterable[Run]) -> None:
        """Start the runs that thresholds call for."""
        self._dispatcher.add(runs)
        self._dispatch()

    def _look_at_store(self) -> bool:
        """See to what is new in the store; return whether there may be something to start.

        A store that nobody has written to, and in which no run is at work, needs no look.
        """
        mark = self._store.connection.mark()
        if mark == self._mark and self._idle:
            return False
        if others_wrote := mark[0] != self._mark[0]:
            self._others.look(self._supervisor.children)
            self._watching.look()
        taken = self._take_strays()
        self._evidence.show()
        self._idle = not self._store.runs.begun()
        self._mark = mark
        return others_wrote or taken

    def _take_strays(self) -> bool:
        """Look after runs that nobody watches like after our own; return whether there were any.

        The command line was killed, a process could not be started, or the store could not be asked when one ended.
        """
        known, policies = set(self._supervisor.children), self._policies.in_force
        settled = self._take_up(policies.tasks if policies is not None else {}, strays=True)
        for run in settled:
            self._dispatcher.settled(run)
        taken = self._supervisor.children.keys() - known
        for number in taken:
            self._watch(self._supervisor.children[number])
        return bool(settled or taken)

    def _stepped(self, seconds: float) -> None:
        self._watching.stepped(seconds)
        self._planner.stepped(self._now(), self._loop.unseen)
        self._dispatch()
        self._metrics.next_due(self._planner.next_by_task())

    def _now(self) -> float:
        return self._clock.seconds()
