"""Accept and Accept-Encoding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host.http import Offer, accepts_gzip, best_offer

OFFERS = (
    Offer("text/plain", {"version": "0.0.4"}),
    Offer("application/openmetrics-text", {"version": "1.0.0"}),
)

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "index"),
    [
        ("", 0),
        ("*/*", 0),
        ("text/*", 0),
        ("application/*", 1),
        (PROMETHEUS_2, 1),
        ("text/plain;q=0.5, application/openmetrics-text;q=0.6", 1),
        ("text/plain;q=0.6, application/openmetrics-text;q=0.5", 0),
        ("text/plain, application/openmetrics-text", 0),
        ("application/openmetrics-text;version=2.0.0, text/plain;q=0.1", 0),
        ("*/*;q=0.1, text/plain;q=0", 1),
        ("text/plain;q=0, */*", 1),
        ("text/html", None),
        ("text/plain;q=0", None),
        ("*/*;q=nan", None),
        ("*/*;q=2", None),
        ("*/*;q=x", None),
        (",,;,", 0),
        ('APPLICATION/OpenMetrics-Text; Version="1.0.0"', 1),
    ],
)
def test_best_offer_is_the_one_the_client_weighs_most(accept: str, index: int | None) -> None:
    assert best_offer(accept, OFFERS) == index


@pytest.mark.parametrize(
    ("field", "welcome"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("br, zstd", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=0.5, identity;q=0.1", True),
    ],
)
def test_gzip_is_used_where_it_is_welcome(field: str, welcome: bool) -> None:
    assert accepts_gzip(field) is welcome


@given(st.text(alphabet='atextplin/*;q=0.1," ', max_size=60))
def test_no_field_crashes_the_negotiation(field: str) -> None:
    assert best_offer(field, OFFERS) in (None, 0, 1)
    assert accepts_gzip(field) in (True, False)
