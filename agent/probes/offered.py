"""The signals that each kind of probe gives, and tasks that find out numbers. Light to import: it measures nothing.

A signal is named `<probe>.<what>`. Percentages run from 0 to 100.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from agent.model.signals import SignalSpec

ANY = ("*",)
"""The labels of a signal that may have any."""

Rows = tuple[tuple[str, str, str], ...]
"""What, unit and meaning of signals."""


class Offer(Struct, frozen=True):
    """What probes of a kind give. `free` says that names and labels beyond these are the source's own."""

    signals: Mapping[str, SignalSpec]
    free: bool = False

    def spec(self, what: str) -> SignalSpec | None:
        """Given what of a signal stands behind the probe's name, return the signal, None if it has no such."""
        found = self.signals.get(what)
        return SignalSpec(what, "", "", ANY) if found is None and self.free else found


def _offer(*groups: tuple[tuple[str, ...], Rows], free: bool = False, own: Rows = ()) -> Offer:
    """`own` are signals with whatever labels."""
    every = [*_COMMON, *((labels, row) for labels, rows in (*groups, (ANY, own)) for row in rows)]
    return Offer({what: SignalSpec(what, text, unit, labels) for labels, (what, unit, text) in every}, free)


_COMMON: tuple[tuple[tuple[str, ...], tuple[str, str, str]], ...] = (
    ((), ("up", "", "1 where it answered as the policy wants, 0 where it did not; absent where that is not known.")),
    ((), ("duration_seconds", "seconds", "How long measuring took, whatever came of it.")),
)
_CERTIFICATE: Rows = (
    ("certificate_days_left", "days", "Days until the certificate of the server expires; negative once it has."),
)

OFFERED: Mapping[str, Offer] = {
    "command": _offer(
        (
            (),
            (
                ("exit_code", "", "The exit code of the program; absent where a signal ended it."),
                ("value", "", "The number that the program prints."),
            ),
        ),
        free=True,
    ),
    "dns": _offer(
        (
            (),
            (
                ("latency_seconds", "seconds", "From sending the question to the answer."),
                ("answers", "", "How many records of the asked type the answer has."),
                ("ttl_seconds", "seconds", "How long the answer may be kept, at least."),
            ),
        ),
    ),
    "http": _offer(
        (
            (),
            (
                ("latency_seconds", "seconds", "From looking up the name to the last byte of the answer."),
                ("dns_seconds", "seconds", "Looking up the name of the host."),
                ("connect_seconds", "seconds", "Connecting to the server."),
                ("tls_seconds", "seconds", "Shaking hands for TLS; absent without."),
                ("first_byte_seconds", "seconds", "From sending the request to the first byte of the answer."),
                ("status", "", "The status of the answer."),
                ("body_bytes", "bytes", "Size of the body of the answer."),
                ("redirects", "", "How many redirects were followed."),
                *_CERTIFICATE,
            ),
        ),
    ),
    "log": _offer(
        (
            (),
            (
                ("lines", "", "How many lines were written since the measurement before."),
                ("matches", "", "In how many of them is what is looked for."),
                ("lines_per_second", "", "Lines a second since then."),
                ("matches_per_second", "", "Lines a second in which it is."),
                ("last_match_seconds", "seconds", "How long ago one was found last; absent until there is one."),
            ),
        ),
    ),
    "ping": _offer(
        (
            (),
            (
                ("loss_percent", "percent", "Share of the requests that were not answered."),
                ("rtt_seconds", "seconds", "From a request to its answer, on average."),
                ("rtt_min_seconds", "seconds", "From a request to its answer, at best."),
                ("rtt_max_seconds", "seconds", "From a request to its answer, at worst."),
            ),
        ),
    ),
    "process": _offer(
        (
            (),
            (
                ("count", "", "How many such processes there are."),
                ("cpu_percent", "percent", "Processor time of all of them; 100 is one processor."),
                ("memory_bytes", "bytes", "Resident memory of all of them."),
                ("threads", "", "Threads of all of them."),
                ("descriptors", "", "Open file descriptors of all of them; absent where they may not be counted."),
                ("age_seconds", "seconds", "How long ago the youngest of them started."),
            ),
        ),
    ),
    "prometheus": _offer(
        ((), ()), own=(("value", "", "The value of the expression, with the labels of each series."),)
    ),
    "sql": _offer(((), (("value", "", "The number that the query gives; absent where it gives none."),))),
    "systemd": _offer(
        ((), (("failed_units", "", "How many units of the host have failed."),)),
        (
            ("unit",),
            (
                ("active", "", "1 while the unit is active, else 0."),
                ("failed", "", "1 while the unit has failed, else 0."),
                ("restarts", "", "How often systemd has restarted the service by itself."),
                ("memory_bytes", "bytes", "Memory of the unit; absent where it is not counted."),
                ("tasks", "", "Tasks of the unit; absent where they are not counted."),
            ),
        ),
    ),
    "tcp": _offer(
        (
            (),
            (
                ("latency_seconds", "seconds", "From looking up the name until all is there that is expected."),
                ("dns_seconds", "seconds", "Looking up the name of the host."),
                ("connect_seconds", "seconds", "Connecting to the port."),
            ),
        ),
    ),
    "textfile": _offer(((), (("age_seconds", "seconds", "How long ago the file was written."),)), free=True),
    "tls": _offer(
        (
            (),
            (
                ("verified", "", "1 where the certificate is to be trusted and of the right name, else 0."),
                ("connect_seconds", "seconds", "Connecting to the server."),
                ("tls_seconds", "seconds", "Shaking hands."),
                *_CERTIFICATE,
                ("chain_days_left", "days", "Days until the first certificate of the chain that is shown expires."),
                ("chain_certificates", "", "How many certificates the server shows."),
            ),
        ),
    ),
}
"""What each kind of probe gives."""


BY_ACTION: Mapping[str, Offer] = {
    "logs.analyze": Offer(
        {
            what: SignalSpec(what, text, "", labels)
            for what, labels, text in (
                ("lines", (), "How many lines the last run read."),
                ("messages", ("level",), "How many messages of each level it read."),
                ("template_messages", ("level", "template"), "How many messages of the 50 most frequent templates."),
                ("templates", (), "How many templates are known."),
                ("new_templates", (), "How many of them the last run met for the first time."),
                ("lost", (), "In how many logs something was gone before it was read."),
            )
        }
    ),
    "capacity.forecast": Offer(
        {
            what: SignalSpec(what, text, unit, ANY)
            for what, unit, text in (
                ("days_left", "days", "Days until the limit of a series, as they are likely."),
                ("days_left_soonest", "days", "The soonest of them in four cases of five."),
                ("days_left_latest", "days", "The latest of them in four cases of five."),
                ("growth_per_day", "", "What the peaks of a series rise by in a day, in its own unit."),
                ("past_error", "", "The middle error of its forecasts of a week ahead, in the unit of the series."),
                ("past_within_percent", "percent", "How many of them had the truth in their interval."),
            )
        }
    ),
}
"""What tasks give whose actions find out numbers, by action; a signal is named `<task>.<what>`."""


def kinds_of(probes: Mapping[str, str], tasks: Mapping[str, str]) -> Mapping[str, str]:
    """Given the kinds of probes and the actions of tasks by name, return what gives signals; probes go first."""
    return {**{name: action for name, action in tasks.items() if action in BY_ACTION}, **probes}


def fits(spec: SignalSpec, labels: Collection[str]) -> bool:
    """Given the labels that a threshold names, tell whether series of a signal can be found by them."""
    known = spec.labels == ANY or all(label in spec.labels for label in labels)
    return known and all(label in labels for label in spec.required)


def signal_of(name: str, kinds: Mapping[str, str]) -> SignalSpec | None:
    """Given the name of a signal and what gives signals by name, return the signal, None if nothing gives it."""
    probe, _, what = name.partition(".")
    kind = kinds.get(probe, "")
    offer = OFFERED.get(kind) or BY_ACTION.get(kind)
    return None if offer is None or not what else offer.spec(what)
