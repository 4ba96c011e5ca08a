"""Secrets in log lines, and putting `[masked]` in their place before a line is kept or shown.

What is recognised: private keys, JSON web tokens (RFC 7519), credentials of HTTP (`Authorization: Bearer ...`,
cookies), passwords in URLs (RFC 3986, userinfo), values of keys that are named as secrets are, tokens of well-known
services by their prefix, and, if wanted, addresses of mail. A secret that looks like any other word cannot be
recognised.
"""

from __future__ import annotations

import re

MASKED = "[masked]"

_KEYS = "api|access|private|client|auth|account|encryption|signing|master|shared|secret|storage"
_NAMED = (
    r"(?:[\w.-]*(?:passw(?:or)?d|passphrase|passwd|pwd|secret|token|credential|sess(?:ion)?[_-]?id|signature"
    rf"|(?:{_KEYS})[ _-]?key)s?[\w-]{{0,20}}|(?:[\w.-]*[_.-])?(?:pass|creds|sig))"
)
_EQUALS = r"(?:\\{0,8}[\"']|&quot;|%22)?\s*(?:=>|->|:=|==?|:|%3[AD])\s*"
_VALUE = (
    r"(?:\"(?:\\.|[^\"\\]){1,4096}\"?|'(?:\\.|[^'\\]){1,4096}'?|\\{1,8}[\"'][^\"']{1,4096}"
    r"|(?:&quot;|%22)(?:(?!&quot;|%22).){1,4096}|[^\s\"'][^\s\"',;&|)\]}]*)"
)

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
            r"(?i)\b((?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?"
            r"(?:(?:bearer|basic|digest|token|negotiate)\s+)?)[^\s\"',;]+"
        ),
        rf"\1{MASKED}",
    ),
    (re.compile(r"(?i)\b((?:bearer|basic)[\s:]\s*)(?=[\w+/.~-]*[\d+/.~=-])[\w+/.~=-]{8,}"), rf"\1{MASKED}"),
    (re.compile(r"(?i)\b(auth\s+(?:plain|login|xoauth2)\s+)[\w+/=]{8,}"), rf"\1{MASKED}"),
    (re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s*:\s*)[^\r\n\"']+"), rf"\1{MASKED}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://[^\s:/@?#]{0,256}:)[^\s@]{1,256}(?=@)"), rf"\1{MASKED}"),
    # A name this long that stands alone is a token: `https://<token>@host`.
    (re.compile(r"(?i)\b(https?://)[^\s:/@?#]{16,256}(?=@)"), rf"\1{MASKED}"),
    (re.compile(rf"(?i)(<(?:\w+:)?{_NAMED}(?:\s[^<>]{{0,200}})?>)[^<\s][^<]{{0,4095}}"), rf"\1{MASKED}"),
    (re.compile(rf"(?i)(?<![\w.-])({_NAMED}{_EQUALS}){_VALUE}"), rf"\1{MASKED}"),
    (re.compile(rf"(?i)((?<![\w.-])--?{_NAMED}\s+){_VALUE}"), rf"\1{MASKED}"),
    (
        re.compile(
            r"(?i)\b((?:identified\s+(?:by|with\s+\S{1,64}\s+(?:by|as))|password)\s+(?:password\s+)?[\"'])[^\"']{1,4096}"
        ),
        rf"\1{MASKED}",
    ),
    (re.compile(r"(?i)\b(curl\b[^\n]{0,200}?\s(?:-u|--user)[\s=]*[^\s:]{1,64}:)\S+"), rf"\1{MASKED}"),
    (re.compile(r"\b((?:mysql\w*|mariadb\w*|sshpass)\b[^\n|;]{0,200}?\s-p\s*)\S+"), rf"\1{MASKED}"),
    (
        re.compile(
            r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}"
            r"|(?:AKIA|ASIA)[0-9A-Z]{16}"
            r"|sk_(?:live|test)_\w{10,}|sk-[\w-]{20,}|AIza[\w-]{30,}|npm_\w{30,}|pypi-[\w-]{30,}|hvs\.[\w-]{20,}"
            r"|AGE-SECRET-KEY-1[0-9A-Z]+|dop_v1_[0-9a-f]{20,})"
        ),
        MASKED,
    ),
    (
        re.compile(
            r"(hooks\.slack\.com/\w{1,20}/|discord(?:app)?\.com/api/webhooks/\d{1,30}/|api\.telegram\.org/bot)[\w/:-]{8,}"
        ),
        rf"\1{MASKED}",
    ),
)
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_HINT = re.compile(
    r"(?i)pass|pwd|secret|token|key|cred|sess|sig|eyj|auth|bearer|basic|cookie|://|identified|curl|mysql|mariadb"
    r"|gh[pousr]_|github_|glpat|xox|AKIA|ASIA|sk[_-]|AIza|npm_|pypi-|hvs\.|dop_|\.slack\.|discord|telegram"
)


def mask(text: str, *, addresses: bool = False) -> str:
    """Given text of a log, return it without the secrets that can be recognised; `addresses` masks those of mail too.

    A line whose end was cut off is masked as well: what has begun as a secret is one to its end.
    """
    if _HINT.search(text):
        for pattern, instead in _RULES:
            text = pattern.sub(instead, text)
    return _MAIL.sub(MASKED, text) if addresses and "@" in text else text
