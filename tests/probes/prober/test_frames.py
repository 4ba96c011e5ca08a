from __future__ import annotations

import pytest

from agent.probes.prober.frames import (
    Lines,
    Order,
    Orders,
    Report,
    Result,
    decode_orders,
    decode_report,
    encode,
)

RESULT = Result(1, 2.0, 0.1, 0.2, (("value", (("job", "shop"),), 3.0),), "", hung=False)


def test_frames_come_out_as_they_went_in() -> None:
    orders = Orders((Order(1, "home", "http", {"url": "http://shop/"}, 15.0, 5.0, 3.0),), "/scratch")
    report = Report((RESULT,), 0, 1.5, 1 << 20)
    assert decode_orders(encode(orders)) == orders
    assert decode_report(encode(report)) == report


@pytest.mark.parametrize("line", [b"", b"nonsense", b"[]", b"[[], 1]", b'{"results": []}'])
def test_report_that_is_none_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_report(line)


def test_lines_are_cut_wherever_the_bytes_are_and_bounded() -> None:
    lines = Lines(longest=10)
    assert list(lines.feed(b"ab")) == []
    assert list(lines.feed(b"c\n\nde")) == [b"abc", b""]
    assert list(lines.feed(b"\n")) == [b"de"]
    with pytest.raises(ValueError, match="more than 10 bytes"):
        list(lines.feed(b"x" * 11))
