"""What the agent has to know of an admin's configuration of pgBackRest.

Commands find it by themselves; these few words decide what is normal here.
"""

from __future__ import annotations

import configparser

from agent.drivers.repositories.pgbackrest.commands import Engine
from agent.drivers.repositories.pgbackrest.info import REPO
from agent.errors import RunFailed


def of(engine: Engine, option: str, default: str = "") -> str:
    """Return the value of an option that is not one of a command. Raises RunFailed when the file cannot be read."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), default_section="", interpolation=None)
    try:
        with open(engine.config, encoding="utf-8") as file:
            parser.read_file(file)
    except (OSError, ValueError, configparser.Error) as error:
        raise RunFailed(f"{engine.config}, the configuration of pgBackRest, cannot be read: {error}") from error
    for section in (engine.stanza, "global"):
        if parser.has_option(section, option):
            return parser.get(section, option)
    return default


def expires_log(engine: Engine) -> bool:
    """Return whether pgBackRest may give up the log of a backup before the backup."""
    return bool(of(engine, f"repo{REPO}-retention-archive"))


def archives_together(engine: Engine) -> bool:
    """Return whether several segments of the log may be archived at the same time, and arrive in any order."""
    return of(engine, "archive-async") == "y"


def role(engine: Engine) -> str:
    """Return the role of the server that pgBackRest logs in as."""
    return of(engine, "pg1-user", engine.user)
