"""The pages of docs/reference, each a function that returns its text."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping

from agent import registry
from agent.cli.parser import get_parser
from agent.errors import EXIT_MEANINGS
from agent.metrics import families
from agent.metrics.families import Family, Kind
from agent.model.explanations import BY_SUBJECT
from agent.model.signals import SignalSpec
from agent.probes.catalogue import SIGNALS
from agent.probes.offered import ANY, BY_ACTION, OFFERED
from agent.schema import Schemas
from tools.reference.options import Options, block

SCHEMAS = Schemas()
QUANTITIES = (
    "- A **duration** is written `90s`, `15m`, `3h`, `7d`, `2w`, or from larger to smaller `1h30m`.",
    "- A **size** is written `10MiB`, `5GB`, or as a plain number of bytes.",
    "- A **percent** is a number from 0 to 100, with or without `%`.",
)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """Given column heads and rows of cells, yield the lines of a table."""
    head = tuple(head)
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def actions() -> Iterator[str]:
    """Every action with its options, from its schema."""
    yield "# Actions"
    yield ""
    yield "What a task can do: `action:` names one of these, `with:` gives its options."
    yield "`hostkeeper actions NAME` prints the same."
    for name in registry.names():
        options = SCHEMAS.action(name)
        yield from ("", f"## {name}", "", options["description"], "")
        yield from Options(options).lines(options)
        for example in options.get("examples", []):
            yield from ("", block({"action": name, "with": example}))


def policy() -> Iterator[str]:
    """Every key of a policy, from its schema."""
    whole = SCHEMAS.policy()
    options = Options(whole)
    yield from ("# Policies", "", whole["description"], "", *QUANTITIES, "", "## The file", "", *options.lines(whole))
    for section, described in whole["properties"].items():
        each = described.get("additionalProperties")
        if isinstance(each, dict):
            each = options.resolve(each)
            yield from ("", f"## {section}", "", described["description"], each["description"], "")
            yield from (*(block({section: example}) for example in described["examples"]), "", *options.lines(each))


def settings() -> Iterator[str]:
    """Every key of agent.yaml, from its schema."""
    whole = SCHEMAS.settings()
    yield from ("# Settings", "", whole["description"], "", *Options(whole).lines(whole))


def web() -> Iterator[str]:
    """Every key of a web configuration, from its schema."""
    whole = SCHEMAS.web()
    yield from ("# Web configuration", "", whole["description"], "", *Options(whole).lines(whole))
    for example in whole["examples"]:
        yield from ("", block(example))


def metrics() -> Iterator[str]:
    """Every metric, from agent/metrics/families.py and the signals of the host."""
    yield from (
        "# Metrics",
        "",
        "What `/metrics` shows. A counter ends with `_total`, a histogram has the usual three.",
        "",
    )
    ours = [value for value in vars(families).values() if isinstance(value, Family)]
    yield from table(("metric", "type", "labels", "means"), map(_metric, ours))
    yield from ("", "## The host", "", "Every [signal](signals.md) is exported; percentages as ratios from 0 to 1.", "")
    yield from table(("metric", "type", "labels", "means"), map(_metric, map(families.family_of, SIGNALS.values())))
    of_probes = {
        family.name: family
        for kind, offer in OFFERED.items()
        for family in (families.family_of_probe(kind, spec) for spec in offer.signals.values())
    }
    yield from ("", "## Probes", "", "Every signal of a [probe](../how-to/probes.md) is exported.", "")
    yield from table(("metric", "type", "labels", "means"), map(_metric, of_probes.values()))


def _metric(family: Family) -> tuple[str, str, str, str]:
    suffix = {Kind.COUNTER: "_total", Kind.INFO: "_info"}.get(family.kind, "")
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"`{family.name}{suffix}`", str(family.kind), labels, family.help


def exit_codes() -> Iterator[str]:
    """Every exit code, from agent/errors.py."""
    yield from ("# Exit codes", "", "Every command ends with one of these.", "")
    yield from table(
        ("code", "name", "means"), ((str(int(code)), code.name, text) for code, text in EXIT_MEANINGS.items())
    )


def reasons() -> Iterator[str]:
    """Every reason, from agent/model."""
    yield from ("# Reasons", "")
    yield "Every run that waits, is skipped, stopped or refused, and every object kept or deleted, has one of these."
    yield "`hostkeeper why` prints it; metrics count it under the same word."
    for subject, texts in BY_SUBJECT.items():
        yield from ("", f"## {subject}", "")
        yield from table(("reason", "means"), ((f"`{reason}`", text) for reason, text in texts.items()))


def signals() -> Iterator[str]:
    """Every signal of the host, from agent/probes."""
    yield from ("# Signals", "")
    yield "What a threshold can watch. A signal has one series per combination of its labels;"
    yield "`labels:` chooses among them."
    yield from ("", *table(("signal", "labels", "means"), _signal_rows(SIGNALS.values())))
    yield from ("", "## Probes", "", "A [probe](../how-to/probes.md) gives these behind its own name: `<probe>.up`.")
    for kind, offer in OFFERED.items():
        yield from ("", f"### {kind}", "")
        if offer.free:
            yield from ("Beside these, whatever the source gives, with its labels.", "")
        yield from table(("signal", "labels", "means"), _signal_rows(offer.signals.values()))
    yield from ("", "## Tasks", "", "A task of one of these actions gives these behind its own name, once a run ends.")
    for action, offer in BY_ACTION.items():
        yield from ("", f"### {action}", "")
        yield from table(("signal", "labels", "means"), _signal_rows(offer.signals.values()))


def _signal_rows(specs: Iterable[SignalSpec]) -> Iterator[tuple[str, str, str]]:
    for spec in specs:
        labels = "the source's own" if spec.labels == ANY else ", ".join(f"`{label}`" for label in spec.labels)
        yield f"`{spec.name}`", labels, spec.help


def cli() -> Iterator[str]:
    """Every command with its arguments, from the parser."""
    parser = get_parser()
    yield from (
        "# Commands",
        "",
        f"{parser.description} Every command ends with one of the [exit codes](exit-codes.md).",
    )
    commands = _commands(parser)
    arguments = {name: _arguments(command) for name, command in commands.items()}
    common = [row for row in next(iter(arguments.values())) if all(row in rows for rows in arguments.values())]
    yield from ("", "## Arguments of every command", "", *table(("argument", "means"), common))
    for name, command in commands.items():
        yield from ("", f"## hostkeeper {name}", "", str(command.description))
        if own := [row for row in arguments[name] if row not in common]:
            yield from ("", *table(("argument", "means"), own))
        for below, subcommand in _commands(command).items():
            yield from ("", f"### hostkeeper {name} {below}", "", str(subcommand.description))
            if rows := [row for row in _arguments(subcommand) if row not in common]:
                yield from ("", *table(("argument", "means"), rows))


def _commands(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the commands that a parser chooses from."""
    found = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return found[0].choices if found else {}


def _arguments(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """Return a row for each argument that is told of."""
    return [_argument(action) for action in parser._actions if action.help != argparse.SUPPRESS]


def _argument(action: argparse.Action) -> tuple[str, str]:
    value = action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else None)
    names = [f"{option} {value}" if value and action.nargs != 0 else option for option in action.option_strings]
    return ", ".join(f"`{name}`" for name in names or [str(value)]), action.help or ""


PAGES: Mapping[str, Callable[[], Iterator[str]]] = {
    "actions.md": actions,
    "cli.md": cli,
    "exit-codes.md": exit_codes,
    "metrics.md": metrics,
    "policy.md": policy,
    "reasons.md": reasons,
    "settings.md": settings,
    "signals.md": signals,
    "web.md": web,
}
