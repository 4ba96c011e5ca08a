"""The arguments of the commands that show what was measured."""

from __future__ import annotations

import argparse


def capacity(parser: argparse.ArgumentParser) -> None:
    """Given the parser of `hostkeeper capacity`, add its arguments."""
    parser.add_argument(
        "series", nargs="?", metavar="SERIES", help="only series with this text in their name; with curves"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write a page (HTML) with the curves to a file")
    parser.add_argument("--png", metavar="FILE", help="draw the curves to a file (PNG)")


def signals(parser: argparse.ArgumentParser) -> None:
    """Given the parser of `hostkeeper signals`, add its arguments."""
    parser.add_argument(
        "series", nargs="?", metavar="SERIES", help="only series with this text in their name; with curves"
    )
    parser.add_argument(
        "--since", default="24h", metavar="WHEN", help="how long ago, such as 7d, or a date such as 2026-03-01"
    )
