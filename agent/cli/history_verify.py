"""`hostkeeper history verify`: is the history what was written, and is it all of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import tzinfo
from itertools import chain

from msgspec.structs import asdict

from agent.cli.output import duration, emit_json, harmless, instant
from agent.cli.world import World
from agent.errors import ExitCode
from agent.host.heads import HeadFile, NotedHead
from agent.host.journal import heads_in_journal
from agent.store import Store
from agent.store.chain import Head
from agent.store.verdict import Verdict
from agent.store.verify import verify


def main(arguments: argparse.Namespace) -> int:
    """Verify the whole history; exit code 10 when it is not what was written."""
    with Store(arguments.state, read_only=True) as store:
        given = ((Head(seq, made), "`--head`") for seq, made in arguments.head)
        noted = noted_heads(arguments.state, arguments.journal, World(arguments).zone)
        verdict = verify(store, chain(given, noted))
    if arguments.json:
        emit_json(data(verdict))
    else:
        print(text(verdict))
    return ExitCode.OK if verdict.intact else ExitCode.ALTERED


def noted_heads(state: str, journal: str | None, zone: tzinfo) -> Iterator[tuple[Head, str]]:
    """Given a state directory, and the agent's unit if its journal is to be asked, yield every head noted there.

    Each comes with where it was found, in words, with instants in a zone.
    """
    for noted in HeadFile(state).all():
        yield Head(noted.seq, noted.hash, noted.at), _source(f"{noted.file}, line {noted.line}", noted, zone)
    if journal:
        for noted in heads_in_journal(journal):
            yield Head(noted.seq, noted.hash, noted.at), _source(noted.file, noted, zone)


def _source(where: str, noted: NotedHead, zone: tzinfo) -> str:
    return f"{where} (of {instant(noted.at, zone)})" if noted.at else where


def text(verdict: Verdict) -> str:
    """Given a verdict, return it in words: the first thing that is wrong comes first."""
    lines = ["the history is what was written" if verdict.intact else "THE HISTORY IS NOT WHAT WAS WRITTEN"]
    lines += [f"  {found.fault}: {harmless(found.sentence)}" for found in verdict.findings]
    lines += [f"  and {verdict.more} more"] if verdict.more else []
    lines.append(f"{verdict.records} records and {verdict.runs} runs looked at")
    if verdict.head is not None:
        lines.append(f"head {verdict.head.seq}:{verdict.head.hash}")
    if verdict.kept is not None:
        lines.append(f"nothing was forgotten before it was {duration(verdict.kept)} old")
    if verdict.heads:
        lines.append(f"compared with {verdict.heads} heads that are known outside the store")
    else:
        lines.append(
            "compared with no head from outside the store: that its end was cut off, or that all of it was written "
            "anew, would not be seen; give --head or --journal"
        )
    return "\n".join(lines)


def data(verdict: Verdict) -> dict[str, object]:
    """Given a verdict, return it as data for `--json`."""
    return {
        "intact": verdict.intact,
        "head": asdict(verdict.head) if verdict.head is not None else None,
        "first": verdict.first,
        "records": verdict.records,
        "runs": verdict.runs,
        "heads": verdict.heads,
        "kept": verdict.kept,
        "findings": [asdict(found) for found in verdict.findings],
        "more": verdict.more,
    }
