"""What the package says of itself and of the agent: manual pages, completions, settings, changelog, copyright."""

from __future__ import annotations

import gzip
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

from agent.cli.completion_command import script
from agent.cli.parser import COMMANDS
from agent.schema import Schema, Schemas, resolve
from tools.deb import roff
from tools.reference import pages
from tools.reference.options import inline

PAGES = {
    "cli.md": ("hostkeeper", 1, "declarative maintenance for Linux hosts"),
    "settings.md": ("hostkeeper-settings", 5, "settings of the agent, agent.yaml"),
    "web.md": ("hostkeeper-web", 5, "TLS and passwords where the metrics are served"),
    "policy.md": ("hostkeeper-policy", 5, "what maintenance a host needs"),
    "actions.md": ("hostkeeper-actions", 7, "what tasks can do"),
    "signals.md": ("hostkeeper-signals", 7, "what thresholds can watch"),
    "reasons.md": ("hostkeeper-reasons", 7, "why runs wait, are skipped, refused or stopped"),
    "metrics.md": ("hostkeeper-metrics", 7, "what the agent shows to Prometheus"),
}
"""Pages of the reference, and the manual pages they become."""

FILES = {
    "/etc/hostkeeper/agent.yaml": "The settings of the agent.",
    "/etc/hostkeeper/policies.d/*.yaml": "The policies in force. An edit counts within a second of the last write.",
    "/etc/hostkeeper/policies.d/available": """Policies that come with the package and are not in force until a symbolic
        link in the directory above leads to them: `cd /etc/hostkeeper/policies.d && ln -s available/daily.yaml .` To
        change one, copy it there instead.""",
    "/var/lib/hostkeeper": "What the agent remembers: runs, their steps, the state of conditions.",
}
MAINTAINER = "The Hostkeeper authors <hostkeeper@example.org>"
WIDTH = 78


def manuals(version: str, epoch: int) -> dict[str, bytes]:
    """Return the manual pages below /usr/share/man, compressed."""
    date = datetime.fromtimestamp(epoch, UTC).date().isoformat()
    names = {file: f"{name}({section})" for file, (name, section, _) in PAGES.items()}
    found = {}
    for file, (name, section, summary) in PAGES.items():
        lines = [".SH DESCRIPTION", *roff.body("\n".join(pages.PAGES[file]()), names)]
        if section == 1:
            lines = [*synopsis(), *lines, *exit_status(), *files()]
        others = ", ".join(other for other in names.values() if other != names[file])
        text = roff.page(name, section, summary, version, date, [*lines, ".SH SEE ALSO", roff.escape(others)])
        found[f"man{section}/{name}.{section}.gz"] = compressed(text)
    return found


def synopsis() -> Iterator[str]:
    """Yield how the command is used."""
    yield from (".SH SYNOPSIS", f".B hostkeeper\n{{{roff.escape(' | '.join(COMMANDS))}}}", "[\\fIARGUMENT\\fR]...")


def exit_status() -> Iterator[str]:
    """Yield what the command ends with."""
    yield from (".SH EXIT STATUS", *roff.body("\n".join(pages.PAGES["exit-codes.md"]()), {}))


def files() -> Iterator[str]:
    """Yield which files the agent reads and writes."""
    yield ".SH FILES"
    for name, text in FILES.items():
        yield from (".TP", f"\\fI{roff.escape(name)}\\fR", roff.inline(" ".join(text.split()), {}))


def completions() -> dict[str, bytes]:
    """Return the completion scripts below /usr/share."""
    places = {
        "bash": "bash-completion/completions/hostkeeper",
        "zsh": "zsh/vendor-completions/_hostkeeper",
        "fish": "fish/vendor_completions.d/hostkeeper.fish",
    }
    return {place: (script(shell) + "\n").encode() for shell, place in places.items()}


def settings() -> bytes:
    """Return an agent.yaml that changes nothing and shows every setting with its default."""
    whole = Schemas().settings()
    head = (
        "Every setting of /etc/hostkeeper/agent.yaml. What is commented out shows a default. `man hostkeeper-settings` "
        "says more, `hostkeeper check` whether all is well."
    )
    lines = [*wrapped(head, "# "), "version: 1"]
    for name, option in whole["properties"].items():
        if name != "version":
            lines += ["", *setting(name, resolve(option, whole), whole, "#")]
    return ("\n".join(lines) + "\n").encode()


def setting(name: str, option: Schema, whole: Schema, indent: str) -> Iterator[str]:
    """Given a setting and its schema, yield what it is and its default, or an example where it has none."""
    yield from wrapped(option.get("description", ""), f"{indent} ")
    inner = option.get("properties")
    if inner and option.get("default") == {}:
        yield f"{indent}{name}:"
        for key, value in inner.items():
            yield from setting(key, resolve(value, whole), whole, f"{indent}  ")
        return
    shown = option["default"] if "default" in option else option.get("examples", [""])[0]
    yield f"{indent}{name}: {inline(shown)}"


def wrapped(text: str, indent: str) -> list[str]:
    """Given text, return it in lines that begin with `indent`."""
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def changelog(version: str, epoch: int) -> bytes:
    """Return the changelog of the package, compressed."""
    date = format_datetime(datetime.fromtimestamp(epoch, UTC))
    change = "  * What has changed for users is in changelog.gz beside this file."
    return compressed(f"hostkeeper ({version}) stable; urgency=medium\n\n{change}\n\n -- {MAINTAINER}  {date}\n")


def compressed(text: str) -> bytes:
    """Return text as gzip bytes that are the same each time."""
    return gzip.compress(text.encode(), 9, mtime=0)
