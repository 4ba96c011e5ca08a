"""Probes of all files together, each with the database that it names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from agent.model.policies import Definition, Probe
from agent.policy.fragments import Fragment
from agent.policy.probe_body import DATABASE


def probes_of(
    fragments: Iterable[Fragment], databases: Mapping[str, Definition], groups: Iterable[str]
) -> dict[str, Probe] | None:
    """Given fragments, all databases and the groups of the host's signals, return all probes by name, complete.

    None if a name is given twice or is that of a group, or a database is not there.
    """
    found: dict[str, Probe] = {}
    count = 0
    for fragment in fragments:
        count += len(fragment.probes)
        for probe in fragment.probes:
            named = probe.settings.get(DATABASE)
            if named is not None and probe.kind == "sql":
                if named not in databases:
                    return None
                probe = _with_database(probe, databases[named])  # noqa: PLW2901
            found[probe.name] = probe
    taken = found.keys() & set(groups) if found else ()
    return None if taken or count != len(found) else found


def _with_database(probe: Probe, database: Definition) -> Probe:
    whole = {"name": database.name, "driver": database.driver, "settings": database.settings}
    return replace(probe, settings={**probe.settings, DATABASE: whole})
