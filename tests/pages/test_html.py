from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pages.html import Markup, element, escaped, join, page

HOSTILE = "</td><script>alert(1)</script>\" onload='x' &amp; \u202egpj.exe \x1b[31m \ud800"


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc", "Cf", "Cn"])))
def test_text_comes_back_from_content_and_attribute_as_it_was(text: str) -> None:
    found = read(element("p", text, title=text).text)
    assert found.tags == ["p"]
    assert found.text == text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    assert found.attributes == [("title", found.text)]


@given(st.text())
def test_any_text_adds_no_element_and_can_be_sent(text: str) -> None:
    made = element("p", element("b", text), class_=text).text
    assert read(made).tags == ["p", "b"]
    made.encode()


def test_hostile_text_is_shown_and_not_followed() -> None:
    shown = escaped(HOSTILE)
    assert "<" not in shown
    assert "\\u202egpj.exe \\x1b[31m \\ud800" in shown


def test_children_are_joined_and_nothing_is_left_out() -> None:
    assert join(["a<", [1, 2.5, [None, Markup("<b>")]]]) == Markup("a&lt;12.5<b>")


def test_attributes_without_values_and_with_hyphens() -> None:
    assert element("details", open=True, hidden=False, aria_label=None, data_x=1, class_="y").text == (
        '<details open data-x="1" class="y"></details>'
    )


@pytest.mark.parametrize(
    "attributes", [{"onload": "x"}, {"style": "x"}, {"href": "javascript:x"}, {"src": "//evil"}, {"a b": "x"}]
)
def test_attributes_that_could_script_or_load_are_refused(attributes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"page|names no"):
        element("a", **attributes)


def test_page_forbids_everything_but_its_own_style() -> None:
    found = read(page("<x>", "p{}", element("p", "hello"), refresh=5))
    assert found.tags == ["html", "head", "meta", "meta", "meta", "meta", "meta", "meta", "title", "style", "body", "p"]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'") in (
        found.attributes
    )


def test_page_has_its_icon_in_itself() -> None:
    icon = element("svg", xmlns="http://www.w3.org/2000/svg", viewBox="0 0 1 1")
    made = page("Title", "", icon=icon)
    assert "img-src data:" in made
    address = made.partition('rel="icon" href="')[2].partition('"')[0]
    assert unquote(address) == f"data:image/svg+xml,{icon}"
    assert "img-src" not in page("Title", "")
