from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from agent.errors import ExitCode
from tests.browser import chromium, looking
from tests.system.agent import AgentUnderTest


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_report_loads_nothing_says_nothing_and_fits(
    browser: Browser, report: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    with looking(browser, width, 900, scheme) as seen:
        seen.open(report.as_uri())
        seen.page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        assert seen.console == []
        assert seen.requests == [report.as_uri()]
        assert seen.overflow() <= 0
        colour = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, colour[4:-1].split(","))) < 382) == (scheme == "dark")


def test_hostile_names_and_outputs_are_shown_and_do_nothing(browser: Browser, report: Path) -> None:
    with looking(browser) as seen:
        seen.open(report.as_uri())
        assert seen.page.title().startswith("Maintenance of ")
        assert seen.page.locator("script, img, iframe, object, link[rel=stylesheet]").count() == 0
        assert seen.page.locator("text=onerror=document.title='owned'>\\u202egnp.exe\\x1b[31m").count() >= 2
        forbidden = "(() => { const s = document.createElement('script'); s.textContent = 'document.title = 1'; "
        seen.page.evaluate(f"{forbidden} document.body.append(s); return 0; }})()")
        assert seen.page.title() != "1", "the page's own policy forbids scripts"


def test_charts_have_names_axes_and_columns_that_can_be_pointed_at(browser: Browser, report: Path) -> None:
    with looking(browser) as seen:
        seen.open(report.as_uri())
        charts = seen.page.get_by_role("img")
        assert charts.count() >= 6
        assert all(chart.get_attribute("aria-label") for chart in charts.all())
        days = seen.page.locator("#days").locator("xpath=ancestor::section")
        assert days.locator(".hit title").count() == 31
        assert "succeeded" in (days.locator(".hit title").first.text_content() or "")
        assert days.locator(".levels span").all_text_contents() == ["30", "15", "0"]
        assert len(days.locator(".plot .scale span").all_text_contents()) == 5
        box = days.locator("svg.chart").bounding_box()
        assert box is not None and box["height"] > 100 and box["width"] > 800


def test_a_week_has_a_label_below_each_column(browser: Browser, host: AgentUnderTest) -> None:
    path = host.place / "week.html"
    assert host.command("report", "--since", "6d", "--output", str(path)).returncode == ExitCode.OK
    for width in (1280, 320):
        with looking(browser, width) as seen:
            seen.open(path.as_uri())
            days = seen.page.locator("#days").locator("xpath=ancestor::section")
            labels, hits = days.locator(".scale span").all(), days.locator(".hit").all()
            assert len(labels) == len(hits) == 7
            for label, hit in zip(labels, hits, strict=True):
                below, above = label.bounding_box(), hit.bounding_box()
                assert below is not None and above is not None
                assert abs(below["x"] + below["width"] / 2 - above["x"] - above["width"] / 2) < 2
            assert seen.overflow() <= 0


def test_report_prints_on_paper(browser: Browser, report: Path) -> None:
    with looking(browser, scheme="dark") as seen:
        seen.open(report.as_uri())
        paper = seen.page.pdf(format="A4", print_background=True)
        assert paper.startswith(b"%PDF")
        seen.page.emulate_media(media="print")
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert seen.page.evaluate("getComputedStyle(document.querySelector('.verdict')).color") == "rgb(157, 26, 26)"
        expect(seen.page.locator("header nav")).to_be_hidden()


def test_report_can_be_walked_through_by_keyboard(browser: Browser, report: Path) -> None:
    with looking(browser) as seen:
        seen.open(report.as_uri())
        seen.page.keyboard.press("Tab")
        expect(seen.page.locator("nav a", has_text="What ran")).to_be_focused()
        seen.page.keyboard.press("Enter")
        expect(seen.page).to_have_url(re.compile("#days$"))
        for way in seen.page.locator("nav a").all():
            target = way.get_attribute("href")
            assert target is not None
            assert seen.page.locator(target).count() == 1
