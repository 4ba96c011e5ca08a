"""An incident as a page to hand on: one file, nothing loaded, nothing run."""

from __future__ import annotations

from datetime import datetime, tzinfo

from agent.engine.dossier import Dossier
from agent.model.incidents import Entry, Exhibit, Member
from agent.pages.html import Child, Markup, element, page
from agent.readable import duration, labelled
from agent.report.style import STYLE
from agent.report.wording import many
from agent.site.parts import card, facts, more, nothing, table


def incident_page(found: Dossier, host: str, version: str, zone: tzinfo, now: float) -> str:
    """Given an incident, the host it was on, the agent's version, a zone and when this is written, return a document.

    Instants are seconds since the epoch.
    """
    incident = found.incident
    title = f"Incident {incident.id} on {host}"
    parts = (
        _what(found, zone, now),
        _series(found, zone),
        _timeline(found, zone),
        _runbook(found),
        *(_exhibit(one, zone) for one in found.exhibits),
    )
    return page(
        title,
        STYLE,
        element(
            "header",
            element("h1", title),
            element("p", incident.what),
            element("p", "made ", _moment(now, zone), class_="made"),
        ),
        element("main", element("div", parts, class_="grid")),
        element("footer", element("span", f"Hostkeeper {version}"), element("span", f"All times are {zone}")),
    )


def _what(found: Dossier, zone: tzinfo, now: float) -> Markup:
    incident = found.incident
    end = incident.ended or now
    lasted = f"cleared after {duration(incident.cleared - incident.opened)}" if incident.cleared else "still fires"
    acknowledged = [entry for entry in found.timeline if entry.kind == "acknowledged"]
    rows: list[tuple[str, Child]] = [
        ("State", f"{incident.state}, {incident.severity}"),
        ("Threshold", incident.threshold),
        ("Meaning", incident.description or "–"),
        ("Opened", _moment(incident.opened, zone)),
        ("Condition", lasted),
        ("Acknowledged", _acknowledged(acknowledged, incident.opened)),
        ("Closed", [_moment(end, zone), f", after {duration(end - incident.opened)}"] if incident.ended else "not yet"),
        ("Cause", incident.cause or "–"),
        ("Runs of its threshold", many(len(found.runs), "run")),
        ("Policies", incident.policy[:12] or "–"),
    ]
    return card("what", "What happened", facts(rows), wide=True)


def _series(found: Dossier, zone: tzinfo) -> Markup | None:
    """Return the series, where there is more than the one that the incident is named after."""
    if not found.incident.joined:
        return None
    rows = [_member("fires", one, one.fired, zone) for one in found.firing]
    rows += [_member("cleared", one, one.cleared, zone) for one in found.cleared]
    return card(
        "series",
        "Series",
        table("What fires and what has cleared", ("series", "state", "since", "value"), rows),
        more(found.fires - len(found.firing), "that fire"),
        more(found.quiet - len(found.cleared), "that have cleared"),
        aside=f"{found.fires} fire, {found.quiet} have cleared",
        wide=True,
    )


def _member(state: str, member: Member, since: float | None, zone: tzinfo) -> tuple[Child, ...]:
    value = "no data" if member.value is None else f"{member.value:.6g}"
    return (labelled(member.series) or "–", state, _moment(since or member.fired, zone), value)


def _acknowledged(entries: list[Entry], opened: float) -> str:
    if not entries:
        return "by nobody"
    return f"by {entries[0].who} after {duration(entries[0].at - opened)}"


def _timeline(found: Dossier, zone: tzinfo) -> Markup:
    rows: list[tuple[Child, ...]] = [
        (_moment(entry.at, zone), entry.kind.value, entry.who or "agent", entry.text) for entry in found.timeline
    ]
    return card("timeline", "Timeline", table("What happened when", ("when", "what", "who", "text"), rows), wide=True)


def _runbook(found: Dossier) -> Markup:
    if not found.incident.runbook:
        return card("runbook", "Runbook", nothing("The policy gives none."), wide=True)
    steps = [
        element("li", step.text, [" ", element("code", step.run)] if step.run else None)
        for step in found.incident.runbook
    ]
    return card("runbook", "Runbook", element("ol", steps), wide=True)


def _exhibit(exhibit: Exhibit, zone: tzinfo) -> Markup:
    error = element("p", exhibit.error, class_="wrong") if exhibit.error else None
    text = element("pre", exhibit.text) if exhibit.text else None
    when = element("p", element("small", "collected ", _moment(exhibit.at, zone)))
    return card(f"exhibit-{exhibit.name}", exhibit.title, when, error, text, wide=True)


def _moment(instant: float, zone: tzinfo) -> Markup:
    local = datetime.fromtimestamp(instant, zone)
    return element("time", local.strftime("%a %d %b %Y, %H:%M:%S"), datetime=local.isoformat(timespec="seconds"))
