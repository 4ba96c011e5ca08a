"""Files made to hurt whoever reads them, none larger than is allowed but for one."""

from __future__ import annotations

MEBIBYTE = 1 << 20


def _fill(piece: str, head: str = "version: 1\nx-a:\n", tail: str = "") -> bytes:
    count = (MEBIBYTE - len(head) - len(tail)) // len(piece)
    return (head + piece * count + tail).encode()


def _bomb(levels: int, width: int) -> bytes:
    """Return aliases that stand for width ** levels values."""
    lines = ["version: 1", f"x-0: &x0 [{', '.join(['lol'] * width)}]"]
    lines += [f"x-{level}: &x{level} [{', '.join([f'*x{level - 1}'] * width)}]" for level in range(1, levels)]
    return "\n".join(lines).encode()


def _merges(levels: int) -> bytes:
    lines = ["version: 1", "x-0: &x0 {a: 1}"]
    lines += [f"x-{level}: &x{level} {{<<: [*x{level - 1}, *x{level - 1}]}}" for level in range(1, levels)]
    return "\n".join(lines).encode()


def _staircase() -> bytes:
    lines, size, depth = [], 0, 0
    while size + depth + 3 < MEBIBYTE:
        lines.append(" " * depth + "a:")
        size += depth + 3
        depth += 1
    return "\n".join(lines).encode()


HOSTILE: dict[str, bytes] = {
    "brackets": b"[" * 30_000,
    "a mebibyte of brackets": b"[" * MEBIBYTE,
    "braces": b"{" * MEBIBYTE,
    "braces with keys": b"{a: " * (MEBIBYTE // 4),
    "closed brackets": b"[" * 30_000 + b"]" * 30_000,
    "brackets on short lines": b"[\n" * 30_000,
    "dashes": b"- " * (MEBIBYTE // 2),
    "question marks": b"? " * (MEBIBYTE // 2),
    "colons": b": " * (MEBIBYTE // 2),
    "staircase": _staircase(),
    "dashes on stairs": "\n".join(" " * depth + "-" for depth in range(1400)).encode(),
    "alias bomb": _bomb(9, 9),
    "wide alias bomb": _bomb(3, 1000),
    "text bomb": b"version: 1\nx-a: &a " + b"x" * 60_000 + b"\nx-b: [" + b"*a," * 100_000 + b"]\n",
    "merge bomb": _merges(25),
    "cycle": b"version: 1\nx-a: &a [*a]\n",
    "cycle of two": b"version: 1\nx-a: &a {b: &b [*a, *b]}\n",
    "python tag": b'version: 1\nx-a: !!python/object/apply:os.system ["touch /tmp/owned"]\n',
    "binary tag": b"version: 1\nx-a: !!binary aGVsbG8=\n",
    "tag directive": b"%TAG ! tag:example.com,2000:\n---\nversion: 1\nx-a: !b c\n",
    "many tags": _fill("- !a b\n"),
    "huge scalar": b"version: 1\ndescription: " + b"x" * (MEBIBYTE - 30),
    "huge quoted scalar": b'version: 1\ndescription: "' + b"x" * (MEBIBYTE - 30) + b'"',
    "huge folded scalar": _fill("  xxxx xxxx\n", "version: 1\ndescription: >\n"),
    "huge number": b"version: 1\nx-a: " + b"9" * 500_000,
    "many digits": _fill("- 999999999999999999999999999999999999\n"),
    "huge exponent": b"version: 1\nx-a: 1e999999999\n",
    "huge key": b"version: 1\n? " + b"k" * (MEBIBYTE - 30) + b"\n: 1\n",
    "500,000 tiny entries": b"[" + b"1," * 500_000 + b"]",
    "tiny keys": b"version: 1\n" + b"".join(b"k%d:\n" % number for number in range(90_000)),
    "one key again and again": _fill("a: 1\n", "version: 1\n"),
    "one key again and again, quoted": _fill('"a": 1\n', "version: 1\n"),
    "many unknown keys": b"version: 1\ntasks:\n  a:\n" + b"".join(b"    k%d: 1\n" % n for n in range(24_000)),
    "many bad tasks": b"version: 1\ntasks:\n" + b"".join(b"  t%d: {acton: x}\n" % n for n in range(12_000)),
    "many unknown references": b"version: 1\ntasks:\n"
    + b"".join(b"  t%d: {action: command.run, needs: [n%d], with: {command: [x]}}\n" % (n, n) for n in range(3_500)),
    "many bad quantities": b"version: 1\ntasks:\n"
    + b"".join(b"  t%d: {action: command.run, max_duration: %dx}\n" % (n, n) for n in range(8_000)),
    "many bad options": b"version: 1\ntasks:\n"
    + b"".join(b"  t%d: {action: command.run, with: {comand: [x]}}\n" % n for n in range(5_500)),
    "many bad schedules": b"version: 1\ntasks:\n"
    + b"".join(
        b'  t%d: {action: command.run, schedule: "%d * * * *", with: {command: [x]}}\n' % (n, n) for n in range(4_500)
    ),
    "many good tasks": b"version: 1\ntasks:\n"
    + b"".join(
        b'  t%d: {action: command.run, schedule: "%d %d * * *", with: {command: [x]}}\n' % (n, n % 60, n % 23)
        for n in range(4_500)
    ),
    "one long way of needs": b"version: 1\ntasks:\n"
    + b"".join(
        b"  t%d: {action: command.run, needs: [t%d], with: {command: [x]}}\n" % (n, (n + 1) % 3_500)
        for n in range(3_500)
    ),
    "anchors": _fill("- &a x\n"),
    "anchors of many names": b"version: 1\nx-a:\n" + b"".join(b"- &a%d x\n" % number for number in range(45_000)),
    "aliases": b"version: 1\nx-a: &a b\nx-b:\n" + b"- *a\n" * 200_000,
    "documents": b"--- a\n" * (MEBIBYTE // 6),
    "directives": b"%YAML 1.2\n" * (MEBIBYTE // 10),
    "unknown directives": b"%FOO bar\n" * (MEBIBYTE // 9),
    "comments": b"# nothing\n" * (MEBIBYTE // 10),
    "comments behind a policy": b"version: 1\n" + b"# nothing\n" * (MEBIBYTE // 10 - 2),
    "line feeds": b"\n" * MEBIBYTE,
    "blanks": b" " * MEBIBYTE,
    "tabs": b"\t" * MEBIBYTE,
    "quotes": b'"' * MEBIBYTE,
    "single quotes": b"'" * (MEBIBYTE - 1),
    "escapes": b'version: 1\ndescription: "' + b"\\x41" * 200_000 + b'"\n',
    "surrogate escape": b'version: 1\ndescription: "\\ud800"\n',
    "nul": b"\0" * MEBIBYTE,
    "nul in text": b'version: 1\ndescription: "a\\0b"\n',
    "byte order marks": b"\xef\xbb\xbf" * 1000,
    "high bytes": b"\xff" * MEBIBYTE,
    "overlong utf-8": b"version: 1\ndescription: \xc0\xaf\n",
    "utf-16": "version: 1\n".encode("utf-16"),
    "utf-32": "version: 1\n".encode("utf-32"),
    "other line ends": "version: 1\u2028description: x\u0085x-a: 1\r".encode(),
    "right to left": "version: 1\ndescription: \u202eevil\n".encode(),
    "infinity": b"version: 1\nthresholds: {t: {signal: cpu.used_percent, above: .inf}}\n",
    "not a number": b"version: 1\nthresholds: {t: {signal: cpu.used_percent, above: .nan}}\n",
    "too large": b"version: 1\n" + b"#" * MEBIBYTE,
    "indicators": bytes(range(33, 127)) * 11_000,
}
"""By what is hostile about it."""
