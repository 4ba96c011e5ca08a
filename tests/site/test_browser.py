"""The status page in a real browser, served as the agent serves it and drawn by the real process."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from agent.daemon.page import StatusPage
from agent.engine.in_force import in_force
from agent.engine.visit import Course
from agent.host.http import HttpServer, address_of, listen
from agent.model.signals import Labels
from agent.probes.catalogue import SIGNALS
from agent.store import Store
from tests.browser import Seen, chromium, looking
from tests.site.big import policy_text, put_policies, put_runs
from tests.site.pages import visit

Scheme = Literal["light", "dark"]
PAGES = ("", "?view=tasks", "?view=calendar", "?view=history", "?view=signals", "?task=task-0003", "?run=20", "?run=0")
BUDGET = 50_000

CONTRASTS = """() => {
  const rgba = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const back = rgba(getComputedStyle(e).backgroundColor);
      if (back[3] === 1) return back;
      if (back[3] > 0) return [255, 0, 255, 1];  // no text lies on what shows through
    }
    return [255, 255, 255, 1];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.textContent.trim() || element.closest('style, svg')) continue;
    const [a, b] = [rgba(getComputedStyle(element).color), behind(element)].map(light).sort((x, y) => y - x);
    found.push([(a + 0.05) / (b + 0.05), node.textContent.trim().slice(0, 40)]);
  }
  return found;
}"""

REACHABLE = "all => all.filter(e => e.checkVisibility()).map(e => e.textContent)"

OUTLINE = """() => {
  const style = getComputedStyle(document.activeElement);
  return document.activeElement.matches(':focus-visible') ? style.outlineStyle + ' ' + style.outlineWidth : 'none';
}"""


def course() -> Course:
    """Return two hours of signals, one of them with a gap and one that is no longer measured."""
    keys: list[tuple[str, Labels]] = [
        ("cpu.used_percent", ()),
        ("disk.used_percent", (("mountpoint", "/srv/a/place/with/a/long/name"),)),
        ("memory.used_percent", ()),
    ]
    times = array("d", [1000.0 + 60 * number for number in range(120)])
    series = {
        key: array("f", [50 + 40 * math.sin(number / (9 + place)) for number in range(120)])
        for place, key in enumerate(keys)
    }
    series[keys[0]][40:60] = array("f", [math.nan] * 20)
    return Course(times, series, {key: series[key][-1] for key in keys[:2]}, {"temperature": "no sensor"})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a store of 200 tasks and 2,000 runs behind it; its address."""
    with Store(str(tmp_path_factory.mktemp("site") / "state")) as store:
        put_policies(store, {"big.yaml": policy_text(200)})
        put_runs(store, in_force(store, SIGNALS).tasks, 2000, time.time())
        listener = listen("127.0.0.1:0")
        failures: list[str] = []
        page = StatusPage(lambda query: visit(store, query, course()), fresh=600)
        server = HttpServer([listener], {"/": page}, lambda path, error: failures.append(f"{path}: {error}"))
        server.start()
        yield f"http://{address_of(listener)}/"
        page.stop()
        server.stop()
        assert failures == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_load_nothing_say_nothing_and_fit(browser: Browser, site: str, scheme: Scheme) -> None:
    with looking(browser, scheme=scheme) as seen:
        for name in PAGES:
            seen.requests.clear()
            seen.open(site + name)
            seen.page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
            for width in (320, 360, 768, 1280, 2560):
                seen.page.set_viewport_size({"width": width, "height": 800})
                assert seen.overflow() <= 0, f"{name} at {width}"
            assert seen.requests == [site + name]
        # The last of PAGES is not found, which browsers say by themselves.
        assert [text for text in seen.console if "404" not in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(browser: Browser, site: str, scheme: Scheme) -> None:
    with looking(browser, scheme=scheme) as seen:
        for name in PAGES:
            seen.open(site + name)
            found = seen.page.evaluate(CONTRASTS)
            assert len(found) > 10
            assert [text for ratio, text in found if ratio < 4.5] == [], name
        dark = "(() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(c => c < 60))()"
        assert seen.page.evaluate(dark) is (scheme == "dark")


def test_pages_weigh_little(browser: Browser, site: str) -> None:
    with looking(browser) as seen:
        for name in PAGES:
            seen.open(site + name)
            weight = seen.page.evaluate("(() => performance.getEntriesByType('navigation')[0])().toJSON()")
            assert 0 < weight["decodedBodySize"] < BUDGET, name
            assert weight["transferSize"] < 12_000, name


def test_pages_are_whole_without_scripts(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        seen = Seen(context.new_page())
        seen.open(site)
        expect(seen.page.locator("h1")).to_contain_text("need attention")
        seen.page.get_by_role("link", name="Tasks", exact=True).click()
        seen.page.wait_for_url("**/?view=tasks")
        expect(seen.page.locator("tbody tr")).to_have_count(60)
        seen.page.get_by_role("link", name="Next", exact=True).click()
        seen.page.wait_for_url("**page=2")
        expect(seen.page.locator("main")).to_contain_text("page 2 of 4")
        seen.page.get_by_role("link", name="Calendar", exact=True).click()
        seen.page.wait_for_url("**/?view=calendar")
        days = seen.page.locator("details")
        assert [days.nth(number).get_attribute("open") is not None for number in range(2)] == [True, False]
        days.nth(1).locator("summary").click()
        expect(days.nth(1).locator("table")).to_be_visible()
    finally:
        context.close()


def test_scripts_that_came_in_would_not_run(browser: Browser, site: str) -> None:
    with looking(browser) as seen:
        seen.open(site)
        before = seen.page.title()

        def refused() -> list[str]:
            return [text for text in seen.console if "Content Security Policy" in text]

        smuggled = (
            "(() => { const s = document.createElement('script'); s.textContent = 'document.title = 1';"
            " document.body.append(s); const i = document.createElement('img'); i.src = '/metrics';"
            " document.body.append(i); })()"
        )
        with seen.page.expect_console_message(lambda _: len(refused()) == 4):
            seen.page.evaluate(smuggled)
        assert seen.page.title() == before
        # Both are refused twice: by what the page says of itself and by what the server says of it.
        assert [sum(kind in text for text in refused()) for kind in ("inline script", "image")] == [2, 2]


def test_pages_can_be_walked_through_by_keyboard(browser: Browser, site: str) -> None:
    with looking(browser) as seen:
        seen.open(site)
        page = seen.page
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        assert skip.evaluate("e => e.getBoundingClientRect().left >= 0")
        expected = page.locator("a[href], summary").evaluate_all(REACHABLE)
        walked = []
        for _ in expected:
            walked.append(page.evaluate("document.activeElement.textContent"))
            assert page.evaluate(OUTLINE) == "solid 3px", walked[-1]
            page.keyboard.press("Tab")
        assert walked == expected
        skip.focus()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.locator("summary").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator("details").first.locator("table, .none")).to_be_visible()


def test_pages_have_landmarks_headings_and_names(browser: Browser, site: str) -> None:
    with looking(browser) as seen:
        for name in PAGES:
            seen.open(site + name)
            page = seen.page
            for role in ("banner", "navigation", "main", "contentinfo"):
                assert page.get_by_role(role).count() == 1, f"{name}: {role}"
            levels = page.locator("h1, h2, h3").evaluate_all("all => all.map(e => Number(e.tagName[1]))")
            assert levels[0] == 1
            assert levels.count(1) == 1
            assert all(level - before <= 1 for before, level in pairwise(levels)), levels
            assert all(page.locator("svg").evaluate_all("all => all.map(e => e.getAttribute('aria-label'))"))
            assert all(page.locator("table").evaluate_all("all => all.map(e => e.caption && e.caption.textContent)"))
            assert page.locator("html").get_attribute("lang") == "en"
            assert page.locator("nav a[aria-current=page]").count() == (0 if name == "?run=0" else 1)


def test_page_is_loaded_again_when_that_is_asked_for(browser: Browser, site: str) -> None:
    with looking(browser) as seen:
        seen.open(site)
        seen.page.get_by_role("link", name="Load every 30 s").click()
        expect(seen.page.locator("meta[http-equiv=refresh]")).to_have_attribute("content", "30")
        seen.page.get_by_role("link", name="stop that").click()
        expect(seen.page.locator("meta[http-equiv=refresh]")).to_have_count(0)
