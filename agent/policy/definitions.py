"""What a schema cannot say of databases and repositories: that no secret stands in the open, and which name is taken.

Policies are read by many, and connection strings are arguments of programs, which every user of the host can list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from agent.policy.normalise import Complaint

TAKEN = "files"
"""The part of a backup that holds files; databases are parts under their own names."""

_WORD = re.compile(r"(^|[\s?&])(password|sslpassword)\s*=", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z0-9+.-]*://[^/?#\s@]*:[^/?#\s@]*@", re.IGNORECASE)
_IN_DSN = "take it out, and give `password_file`"
_IN_ADDRESS = "take it out, and give it in `environment_file`"


def complaints_of(policy: dict[str, Any]) -> Iterator[Complaint]:
    """Given a normalised policy, which may lack what its schema complains of, yield what is wrong with its meaning."""
    for name, thing in policy["databases"].items():
        if name == TAKEN:
            yield ("databases", name), f"{TAKEN} is what the files of a backup are called", "give it another name"
        dsn = thing.get("postgresql", {}).get("dsn", "")
        if _WORD.search(dsn) or _ADDRESS.search(dsn):
            yield ("databases", name, "postgresql", "dsn"), "it holds a password", _IN_DSN
    for name, thing in policy["repositories"].items():
        if _ADDRESS.search(thing.get("restic", {}).get("repository", "")):
            yield ("repositories", name, "restic", "repository"), "it holds a password", _IN_ADDRESS
