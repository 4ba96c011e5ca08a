"""A repository of restic whose key is cheap: opening one as restic makes it costs half a second of each command.

`restic init` sets the cost of the key by the speed of the processor; this one was made on a very slow one.
"""

from __future__ import annotations

import base64
from pathlib import Path

PASSWORD = "password"

_KEY_NAME = "25865f2e26025d8aefc09b000bb39da7d7ac8ffdecf433a731220c46af35fde8"
_KEY = (
    '{"created":"2026-11-30T13:51:55.893612786Z","username":"root","hostname":"vm","kdf":"scrypt","N":512,"r":8,"p":1,'
    '"salt":"sGjiTg/VB7HI+0cwqqpWZWuPB8WOTJEOLicNzSIqvijHNO+e55kbHTiOpH4HZnVpsukO8m35zDgOipi6lITJ3w==",'
    '"data":"Cf0JPNHc0otFWRn1IXXfV5As6oJxNE9Tmjsf5HIkvckk5UvKGSE7YUnNxsr6WIa6F+/is8KlLoBVCbnKz1uFe8AnAj4d0O/KvamLUFekp'
    "4IhEFOPfa4Nyyl1J4fCxtHgK+YS07k04IqL6QtYgaodkB5TsdjPFh8ZdzP7Csnm8KuwfathlgDsA+M5rdAQzkr3zwNIMvUf0KS7VcX5YTIfDg=="
    '"}'
)
_CONFIG = (
    "EpSrhQmybW5jSN2Lh+BvvmHmj10Ca5cmy+2sd2idPsL504/wk9SQfW4f2/0WEpnOqwQYkWIuxIt94Z7e3TOPuI0jFTxWTKyADCf80MdKPSuF+7dNpa1y"
    "9peZfs3gGCx6eU2974wORJ63kN8i60cOuynCruvWephUWvEUSjqtmzhqhNY+6HWn0lbsH1wx2SNyJAitvoDIRSBf0MA="
)


def make(place: Path) -> None:
    """Make an empty repository, as `restic init --repository-version 2` does."""
    for name in ("data", "index", "keys", "locks", "snapshots"):
        (place / name).mkdir(parents=True)
    (place / "keys" / _KEY_NAME).write_text(_KEY)
    (place / "config").write_bytes(base64.b64decode(_CONFIG))
