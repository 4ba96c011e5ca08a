"""Messages of DNS (RFC 1035): questions written, answers read without trust. Pure."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable, Mapping

from msgspec import Struct

TYPES: Mapping[str, int] = {
    "A": 1,
    "NS": 2,
    "CNAME": 5,
    "SOA": 6,
    "PTR": 12,
    "MX": 15,
    "TXT": 16,
    "AAAA": 28,
    "SRV": 33,
    "CAA": 257,
}
"""The types that can be asked for."""

CODES: Mapping[int, str] = {
    1: "it does not understand the question",
    2: "it failed to find out",
    3: "there is no such name",
    4: "it does not answer such questions",
    5: "it refuses to answer",
}

_INTERNET, _OPT, _SIZE = 1, 41, 1232
_MOST_POINTERS = 127
"""As many as a name has labels: one that needs more is there to keep its reader busy."""


class BadMessage(ValueError):
    """Bytes that are no answer to the question."""


class Reply(Struct, frozen=True):
    """An answer: its code (0 is good), what was cut, and the values of the asked type with their least TTL."""

    code: int
    truncated: bool
    values: tuple[str, ...]
    ttl: int | None


def question(number: int, name: str, kind: str, *, recursive: bool = True) -> bytes:
    """Given a number below 65536, a name and a type, return the message that asks. Raises ValueError for no name."""
    head = struct.pack("!6H", number, 0x0100 if recursive else 0, 1, 0, 0, 1)
    # The last record says how large an answer may be that is not cut (RFC 6891).
    return (
        head + _written(name) + struct.pack("!2H", TYPES[kind], _INTERNET) + struct.pack("!BHHIH", 0, _OPT, _SIZE, 0, 0)
    )


def _written(name: str) -> bytes:
    labels = [part.encode("idna") if not part.isascii() else part.encode() for part in name.rstrip(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels) or sum(len(label) + 1 for label in labels) > 254:
        raise ValueError(f"{name} is not a name of DNS")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def reply(data: bytes, number: int, name: str, kind: str) -> Reply:
    """Given a message and what was asked, return the answer. Raises BadMessage."""
    try:
        return _reply(data, number, name, kind)
    except BadMessage:
        raise
    except (struct.error, IndexError, ValueError) as error:
        raise BadMessage("the answer ends early or is garbled") from error


def _reply(data: bytes, number: int, name: str, kind: str) -> Reply:
    got, flags, questions, answers, _, _ = struct.unpack_from("!6H", data)
    if got != number or not flags & 0x8000:
        raise BadMessage("not an answer to this question")
    if questions != 1:
        raise BadMessage("the answer does not say to what")
    asked, at = _name(data, 12)
    if asked.lower() != _name(_written(name), 0)[0].lower() or struct.unpack_from("!H", data, at)[0] != TYPES[kind]:
        raise BadMessage("an answer to another question")
    at += 4
    found: list[tuple[str, str, int]] = []
    leads: dict[str, str] = {}
    for _ in range(answers if not flags & 0x0200 else 0):
        owner, at = _name(data, at)
        record, cls, ttl, length = struct.unpack_from("!HHIH", data, at)
        at += 10
        if at + length > len(data):
            raise BadMessage("the answer ends early")
        if record == TYPES["CNAME"] and cls == _INTERNET:
            leads.setdefault(owner.lower(), _name(data, at)[0].lower())
        if record == TYPES[kind] and cls == _INTERNET:
            found.append((owner.lower(), _value(data, at, length, kind), ttl))
        at += length
    names = _meant(asked.lower(), leads)
    values = tuple(value for owner, value, _ in found if owner in names)
    return Reply(
        flags & 0xF, bool(flags & 0x0200), values, min((ttl for owner, _, ttl in found if owner in names), default=None)
    )


def _meant(asked: str, leads: Mapping[str, str]) -> set[str]:
    """Given the name that was asked for and where names lead, return those that are its own; a circle ends."""
    names = {asked}
    while (asked := leads.get(asked, asked)) not in names:
        names.add(asked)
    return names


def _name(data: bytes, at: int) -> tuple[str, int]:
    """Return the name that stands at a place, and the place behind it. Pointers only ever lead back."""
    labels: list[str] = []
    behind = lowest = None
    size = pointers = 0
    while length := data[at]:
        if length & 0xC0 == 0xC0:
            pointers += 1
            target = struct.unpack_from("!H", data, at)[0] & 0x3FFF
            behind = at + 2 if behind is None else behind
            lowest = at if lowest is None else lowest
            if target >= lowest or pointers > _MOST_POINTERS:
                raise BadMessage("a name that leads nowhere")
            at = lowest = target
            continue
        if length & 0xC0:
            raise BadMessage("a label of an unknown kind")
        label = data[at + 1 : at + 1 + length]
        size += length + 1
        if len(label) < length or size > 255:
            raise BadMessage("a name that is too long")
        labels.append(label.decode("ascii", "backslashreplace"))
        at += 1 + length
    return ".".join(labels), at + 1 if behind is None else behind


def _value(data: bytes, at: int, length: int, kind: str) -> str:
    """Return what a record says, as zone files write it, but without dots at the ends of names."""
    read = _READERS.get(kind)
    return _name(data, at)[0] if read is None else read(data, at, data[at : at + length])


def _address(_data: bytes, _at: int, raw: bytes) -> str:
    return str(ipaddress.ip_address(raw))


def _exchange(data: bytes, at: int, raw: bytes) -> str:
    return f"{struct.unpack_from('!H', raw)[0]} {_name(data, at + 2)[0]}"


def _service(data: bytes, at: int, raw: bytes) -> str:
    priority, weight, port = struct.unpack_from("!3H", raw)
    return f"{priority} {weight} {port} {_name(data, at + 6)[0]}"


def _authority(data: bytes, at: int, _raw: bytes) -> str:
    first, behind = _name(data, at)
    second, behind = _name(data, behind)
    return " ".join([first, second, *map(str, struct.unpack_from("!5I", data, behind))])


def _text(_data: bytes, _at: int, raw: bytes) -> str:
    return "".join(part.decode("utf-8", "backslashreplace") for part in _strings(raw))


def _authorisation(_data: bytes, _at: int, raw: bytes) -> str:
    tag, value = raw[2 : 2 + raw[1]], raw[2 + raw[1] :]
    return f'{raw[0]} {tag.decode("ascii", "backslashreplace")} "{value.decode("ascii", "backslashreplace")}"'


_READERS: Mapping[str, Callable[[bytes, int, bytes], str]] = {
    "A": _address,
    "AAAA": _address,
    "MX": _exchange,
    "SRV": _service,
    "SOA": _authority,
    "TXT": _text,
    "CAA": _authorisation,
}


def _strings(raw: bytes) -> list[bytes]:
    found = []
    while raw:
        found.append(raw[1 : 1 + raw[0]])
        if len(found[-1]) < raw[0]:
            raise BadMessage("a text that ends early")
        raw = raw[1 + raw[0] :]
    return found
