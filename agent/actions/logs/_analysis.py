"""One run's analysis: what it remembers, reads, counts and concludes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from agent.actions.logs._concluding import MOST_REPORTED, numbers, of_changes, of_many, of_new, series_of
from agent.actions.logs._counting import Counting
from agent.actions.logs._reading import Journal, records_of
from agent.actions.logs._state import Tally, recalled, remember
from agent.errors import RunFailed
from agent.host.following import Follower, Position, fits
from agent.host.following.unpacking import with_zstd
from agent.model.findings import Finding
from agent.ports import Context
from agent.rules.joining import Record
from agent.rules.sudden import Hour, added, changes, hour_of, remembered
from agent.rules.templates import LEVELS, Miner

JOURNAL = "the journal"
MISSING = "there is no such log; `missing: skip` bears with that"
_SOME = 1 << 18
_BATCH = 16 << 20
"""So many bytes are read between two writes of what is remembered."""


class Bounds:
    """How much an analysis may do, and what it takes for new; see the schema of `logs.analyze`."""

    def __init__(
        self, *, most: int, templates: int, forget_after: float, learn: float, least: str, sudden: bool
    ) -> None:
        self.most = most
        self.templates = templates
        self.forget_after = forget_after
        self.learn = learn
        self.levels = frozenset(LEVELS[: LEVELS.index(least) + 1]) | {"unknown"}
        self.sudden = sudden


class Analysis:
    """Reads sources one after the other, and keeps what is known of them together with how far they were read."""

    def __init__(self, ctx: Context, bounds: Bounds, *, addresses: bool, from_end: bool) -> None:
        self._ctx = ctx
        self._bounds = bounds
        self._from_end = from_end
        self._unpack = with_zstd(ctx.processes, ctx.stopping)
        self.state = recalled(ctx.memory)
        self._left = bounds.most
        self._findings: dict[str, Finding] = {}
        if self.state.tally.run != ctx.run:
            self.state.tally = Tally(run=ctx.run)
        miner = Miner(self.state.templates, self.state.following, bounds.templates, bounds.forget_after)
        self._counting = Counting(miner, addresses, self._now())
        self._roll()

    def _now(self) -> float:
        return self._ctx.clock.now().timestamp()

    def _roll(self) -> None:
        """When an hour is over, judge it, and begin the next one."""
        state, now = self.state, hour_of(self._now())
        if state.hour is None or state.hour.hour == now:
            state.hour = state.hour or Hour(now, 0.0, {})
            return
        if self._bounds.sudden:
            self._judge(state.hour, whole=True)
        state.past = remembered(state.past, state.hour)
        state.hour = Hour(now, 0.0, {})

    def _judge(self, hour: Hour, *, whole: bool) -> None:
        found = changes(hour, self.state.past, whole=whole)
        for finding in of_changes(self._ctx.task, found, self.state, self._counting, self._now()):
            self._findings[finding.id] = finding

    def follower(self, path: str) -> Follower:
        """Return what follows a log from where reading it stands."""
        position = self.state.files.get(path)
        return Follower(path, position, now=self._now(), unpack=self._unpack, from_end=self._from_end)

    def read_log(self, path: str, source: str, *, missing_ok: bool) -> None:
        """Read what is new in a log. What is wrong with it fails the run at its end, not before."""
        try:
            with self.follower(path) as follower:
                self.state.tally.lost += bool(follower.lost)
                if not follower.readings and not missing_ok:
                    self.state.tally.problems[path] = MISSING
                try:
                    for reading in follower.readings:
                        for read in records_of(reading, self._left, self._counting.take):
                            self._keep(source, read, lambda: self._reached(path, follower.position()))
                        if self._left <= 0:
                            break
                finally:
                    # What was counted before something could not be read stays counted.
                    self._commit(source, lambda: self._reached(path, follower.position()))
        except (OSError, RunFailed) as error:
            self._problem(path, error)

    def _reached(self, path: str, position: Position) -> None:
        self.state.files[path] = position

    def read_journal(self, journal: Journal) -> None:
        """Read what is new in the journal, as `read_log` does."""
        try:
            if not self.state.cursor and self._from_end and JOURNAL not in self.state.began:
                self._commit(JOURNAL, lambda: self._at(journal.end()))
                return
            by_level: dict[str, list[Record]] = {}
            size, cursor = 0, self.state.cursor
            try:
                with closing(journal.entries(cursor, self._ctx.stopping)) as entries:
                    for found, length in entries:
                        cursor = found.cursor
                        by_level.setdefault(found.level, []).append(found.record)
                        size += length
                        if size >= _SOME:
                            self._count(by_level)
                            self._keep(JOURNAL, size, partial(self._at, cursor))
                            size = 0
                            if self._left <= 0:
                                break
            finally:
                self._count(by_level)
                self._commit(JOURNAL, partial(self._at, cursor))
        except RunFailed as error:
            self._problem(JOURNAL, error)

    def _count(self, by_level: dict[str, list[Record]]) -> None:
        for level in sorted(by_level):
            self._counting.take(by_level[level], "" if level == "unknown" else level)
        by_level.clear()

    def _at(self, cursor: str) -> None:
        self.state.cursor = cursor

    def _keep(self, source: str, read: int, moved: Callable[[], None]) -> None:
        """Account for what was read, and remember it when it is much, or the run is to stop."""
        before = self._left
        self._left -= read
        if before // _BATCH != self._left // _BATCH or self._ctx.stopping():
            self._commit(source, moved)
        self._ctx.progress(self._bounds.most - self._left, 0, "bytes")
        self._ctx.checkpoint()

    def _commit(self, source: str, moved: Callable[[], None]) -> None:
        """Remember counts and positions together; what they lead to is told before, and told again if need be."""
        state, counting, now = self.state, self._counting, self._now()
        moved()
        began = state.began.setdefault(source, now)
        self._report_new(source, quiet=began + self._bounds.learn > now)
        state.templates = list(counting.miner.templates.values())
        state.following = counting.miner.following
        for (template, level), number in counting.counts.items():
            state.tally.levels[level] = state.tally.levels.get(level, 0) + number
            state.tally.templates[template] = state.tally.templates.get(template, 0) + number
            known = counting.miner.templates.get(template)
            if known is not None:
                known.count, known.last = known.count + number, now
        assert state.hour is not None
        state.hour.counts = added(state.hour.counts, series_of(counting.counts.items()))
        state.tally.lines += counting.lines
        counting.counts.clear()
        counting.lines = 0
        self._ctx.discoveries.found(list(self._findings.values()))
        self._findings.clear()
        remember(self._ctx.memory, state)

    def _report_new(self, source: str, *, quiet: bool) -> None:
        tally, miner, now = self.state.tally, self._counting.miner, self._now()
        for number in self._counting.new:
            tally.new += 1
            template = miner.templates.get(number)
            if quiet or template is None or template.level not in self._bounds.levels:
                continue
            if tally.new - tally.unreported > MOST_REPORTED:
                tally.unreported += 1
                continue
            finding = of_new(self._ctx.task, template, source, self._counting.sample(number), now)
            self._findings[finding.id] = finding
        self._counting.new.clear()
        if tally.unreported:
            finding = of_many(self._ctx.task, tally.unreported, source, now)
            self._findings[finding.id] = finding

    def _problem(self, what: str, error: Exception) -> None:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self.state.tally.problems[what] = said

    def forget(self, patterns: Sequence[str]) -> None:
        """Forget where reading stands in logs that fit none of these patterns, or of which no file is left."""
        self.state.files = {
            path: position
            for path, position in self.state.files.items()
            if position.parts and any(fits(path, pattern) for pattern in patterns)
        }

    def conclude(self) -> Tally:
        """Judge this hour so far, and tell people, thresholds and the next run; return what was counted.

        Raises RunFailed when a source could not be read.
        """
        state, now = self.state, self._now()
        assert state.hour is not None
        if state.last:
            state.hour.span += max(0.0, now - state.last)
        state.last = now
        if self._bounds.sudden:
            self._judge(state.hour, whole=False)
        tally = state.tally
        self._ctx.discoveries.found(list(self._findings.values()))
        self._ctx.discoveries.measured(self._ctx.task, now, numbers(state, tally))
        remember(self._ctx.memory, state)
        if tally.problems:
            told = "; ".join(f"{what}: {why}" for what, why in sorted(tally.problems.items())[:20])
            raise RunFailed(f"not everything could be read: {told}")
        return tally
