"""Secrets in log lines, and putting `[masked]` in their place before a line is kept or shown.

What is recognised: private keys, JSON web tokens (RFC 7519), credentials of HTTP (`Authorization: Bearer ...`,
cookies), passwords in URLs (RFC 3986, userinfo), values of keys that are named as secrets are, tokens of well-known
services by their prefix, and, if wanted, addresses of mail. A secret that looks like any other word cannot be
recognised.
"""

from __future__ import annotations

import re

MASKED = "[masked]"

_NAMED = (
    r"[\w.-]*(?:passw(?:or)?d|passphrase|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|client[_-]?key|credential|session[_-]?id|auth[_-]?key|signature)s?[\w-]{0,20}"
)
_VALUE = r"(?:\"(?:\\.|[^\"\\]){1,4096}\"?|'(?:\\.|[^'\\]){1,4096}'?|\\\"[^\"]{1,4096}\\\"|[^\s\"',;&|)\]}]+)"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
            re.DOTALL,
        ),
        MASKED,
    ),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"), MASKED),
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|digest|token|negotiate)\s+)?)[^\s\"',;]+"
        ),
        rf"\1{MASKED}",
    ),
    (re.compile(r"(?i)\b((?:bearer|basic)\s+)(?=[\w+/.~-]*[\d+/.~=-])[\w+/.~=-]{8,}"), rf"\1{MASKED}"),
    (re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s*:\s*)[^\r\n\"']+"), rf"\1{MASKED}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://[^\s:/@?#]{0,256}:)[^\s@]{1,256}(?=@)"), rf"\1{MASKED}"),
    (re.compile(rf"(?i)(?<![\w.-])({_NAMED}[\"']?\s*(?:=>?|:)\s*){_VALUE}"), rf"\1{MASKED}"),
    (re.compile(rf"(?i)((?<![\w.-])--?{_NAMED}\s+){_VALUE}"), rf"\1{MASKED}"),
    (re.compile(r"(?i)\b((?:identified by|password)\s+')[^']{1,4096}"), rf"\1{MASKED}"),
    (
        re.compile(
            r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}"
            r"|sk_(?:live|test)_\w{10,}|sk-[\w-]{20,}|AIza[\w-]{30,}|npm_\w{30,}|pypi-[\w-]{30,}|hvs\.[\w-]{20,}"
            r"|AGE-SECRET-KEY-1[0-9A-Z]+|dop_v1_[0-9a-f]{20,})"
        ),
        MASKED,
    ),
)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_HINT = re.compile(
    r"(?i)pass|pwd|secret|token|key|cred|session|signature|eyj|auth|bearer|basic|cookie|://|identified by"
    r"|gh[pousr]_|github_|glpat|xox|AKIA|ASIA|sk[_-]|AIza|npm_|pypi-|hvs\.|dop_"
)


def mask(text: str, *, addresses: bool = False) -> str:
    """Given text of a log, return it without the secrets that can be recognised; `addresses` masks those of mail too.

    A line whose end was cut off is masked as well: what has begun as a secret is one to its end.
    """
    if _HINT.search(text):
        for pattern, instead in _RULES:
            text = pattern.sub(instead, text)
    return _MAIL.sub(MASKED, text) if addresses and "@" in text else text
