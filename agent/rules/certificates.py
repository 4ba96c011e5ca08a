"""When a certificate expires, read off its DER (X.690, RFC 5280), whether or not anybody trusts it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

_SEQUENCE, _VERSION, _UTC_TIME, _TIME = 0x30, 0xA0, 0x17, 0x18


def not_after(der: bytes) -> float:
    """Given a certificate, return when it expires, in seconds since the epoch. Raises ValueError for anything else."""
    body = _inside(_inside(der))
    if body[:1] == bytes([_VERSION]):
        body = _behind(body)
    for _ in ("serial number", "signature", "issuer"):
        body = _behind(body)
    ends = _behind(_inside(body))
    content = _content(ends)
    return _instant(ends[0], content)


def days_left(der: bytes, now: float) -> float:
    """Given a certificate and the present (seconds since the epoch), return in how many days it expires."""
    return (not_after(der) - now) / 86400


def _instant(tag: int, content: bytes) -> float:
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _TIME:
        raise ValueError("not a certificate: it says no time of expiry")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _measured(data: bytes) -> tuple[int, int]:
    """Return where the content of the first element begins and ends."""
    if len(data) < 2:
        raise ValueError("not a certificate: it ends early")
    length, begin = data[1], 2
    if length & 0x80:
        count = length & 0x7F
        length, begin = int.from_bytes(data[2 : 2 + count]), 2 + count
        if not 1 <= count <= 4:
            raise ValueError("not a certificate: an element of no known length")
    if begin + length > len(data):
        raise ValueError("not a certificate: it ends early")
    return begin, begin + length


def _content(data: bytes) -> bytes:
    begin, end = _measured(data)
    return data[begin:end]


def _inside(data: bytes) -> bytes:
    if data[:1] != bytes([_SEQUENCE]):
        raise ValueError("not a certificate")
    return _content(data)


def _behind(data: bytes) -> bytes:
    return data[_measured(data)[1] :]
