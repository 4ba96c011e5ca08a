"""The arguments of `hostkeeper backup`; nothing here imports what its subcommands need."""

from __future__ import annotations

import argparse

from agent.cli.subcommands import Adder, add_subcommands


def _where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repository", metavar="NAME", help="only this repository of the policies")
    parser.add_argument("--host", metavar="HOST", help="the backups of this host (default: this one)")
    _itself(
        parser,
        "the tar repository in this directory, which no policy need name; of all hosts, unless --host names one",
    )
    _key(parser)


def _itself(parser: argparse.ArgumentParser, directory: str, *, required: bool = False) -> None:
    """Add what names a repository without policies; `directory` is the help of the one for tar."""
    one = parser.add_mutually_exclusive_group(required=required)
    one.add_argument("--repository-path", metavar="DIR", help=directory)
    one.add_argument("--restic", metavar="REPOSITORY", help="the same for a repository of restic, named as restic does")
    parser.add_argument("--password-file", metavar="FILE", help="the password of the repository that --restic names")
    parser.add_argument(
        "--environment-file", metavar="FILE", help="lines NAME=value that restic needs to reach what --restic names"
    )


def _key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--identity", metavar="FILE", help="the age identity that reads what is encrypted, if no policy names it"
    )
    parser.add_argument("--gnupg-home", metavar="DIR", help="the same for GnuPG: its home with the private key")


def _list(parser: argparse.ArgumentParser) -> None:
    _where(parser)
    parser.add_argument("--task", metavar="TASK", help="only the backups of this task")


def _show(parser: argparse.ArgumentParser) -> None:
    _which(parser, "id")
    parser.add_argument("--files", action="store_true", help="list every file in it as well")
    _list(parser)


def _which(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        name, metavar=name.upper(), help="the beginning of an id, or `latest`, or `latest-proven`, for which see --task"
    )


def _find(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pattern",
        metavar="PATTERN",
        help="a path or a name; `*` is any text, `?` any one character, `[a-z]` one of a set, and `**` any directories",
    )
    _list(parser)


def _diff(parser: argparse.ArgumentParser) -> None:
    _which(parser, "old")
    _which(parser, "new")
    _list(parser)


def _restore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "backup",
        metavar="BACKUP",
        help="`latest`, `latest-proven`, an id or its beginning, or an instant such as 2026-03-01T12:00:00Z",
    )
    parser.add_argument("--task", metavar="TASK", required=True, help="the task that made the backup")
    parser.add_argument(
        "--path", metavar="PATH", action="append", default=[], help="only this file or directory; may be repeated"
    )
    parser.add_argument(
        "--database", metavar="NAME", action="append", default=[], help="only this database; may be repeated"
    )
    parser.add_argument(
        "--table", metavar="NAME", action="append", default=[], help="only this table of the one --database"
    )
    parser.add_argument(
        "--point-in-time",
        metavar="WHEN",
        help="up to this instant, or `latest` for all there is (pgbackrest repositories; default: as backed up)",
    )
    parser.add_argument("--to", metavar="DIR", help="bring back into this directory, and replace nothing")
    parser.add_argument(
        "--yes-on",
        metavar="HOST",
        help="replace what is live without asking, for scripts; must be the name of this host",
    )
    parser.add_argument(
        "--discard", action="store_true", help="do not keep what was replaced once the restore has succeeded"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")
    _source(parser)


def _source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repository", metavar="NAME", help="another repository of the policies than the one of the task"
    )
    parser.add_argument("--host", metavar="HOST", help="a backup of this host (default: this one)")
    _key(parser)


def _drill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK", help="the task whose backups are drilled, or one that drills them")
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--random", action="store_true", help="drill a random backup instead of the newest")
    one.add_argument(
        "--backup",
        metavar="ID",
        help="drill this one, by its id or the beginning of that, also if damage was found in it",
    )
    _key(parser)


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", metavar="TASK", help="only the backups of this task")


def _recover(parser: argparse.ArgumentParser) -> None:
    _itself(parser, "the directory of the tar repository", required=True)
    _key(parser)
    parser.add_argument("--host", metavar="HOST", help="the host that is gone; may be left out where there is one only")
    parser.add_argument("--to", metavar="DIR", required=True, help="the root of the new host, `/` for this one")
    parser.add_argument("--at", metavar="WHEN", help="as things stood at this instant (default: the newest backups)")
    parser.add_argument(
        "--replace",
        action="store_true",
        help="let what is there already, newer or not, change places with what was backed up, and keep it",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be brought back, and do nothing")


SUBCOMMANDS: dict[str, tuple[str, Adder]] = {
    "list": ("list the backups there are, and what is known of their worth", _list),
    "show": ("show one backup: its parts, its chain, its proof", _show),
    "find": ("say which backups have a file, how large and from when", _find),
    "diff": ("say what came, changed and went between two backups", _diff),
    "restore": ("bring files and databases back", _restore),
    "drill": ("prove at once that a backup can be restored", _drill),
    "explain": ("say which backups the rules keep, which they would remove, and why", _explain),
    "recover": ("bring everything of a lost host back, from its repository alone", _recover),
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands to the parser of the command."""
    add_subcommands(parser, SUBCOMMANDS)
