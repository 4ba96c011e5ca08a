from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.notices.template import BODY, SUBJECT, TemplateError, fill, parse


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{sumary}", "unknown placeholder `{sumary}`"),
        ("{host.__class__}", "unknown placeholder `{host.__class__}`"),
        ("{host!r}", "unknown placeholder `{host!r}`"),
        ("{host:>99999999}", "unknown placeholder `{host:>99999999}`"),
        ("{0}", "unknown placeholder `{0}`"),
        ("{}", "unknown placeholder `{}`"),
        ("{items}", "unknown placeholder `{items}`"),
        ("open {", "a lone `{`"),
        ("shut }", "a lone `}`"),
        ("{{host}", "a lone `}`"),
    ],
)
def test_template_with_a_mistake_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(text, SUBJECT)
    assert caught.value.wrong == wrong


def test_template_with_a_misspelt_placeholder_names_the_nearest() -> None:
    with pytest.raises(TemplateError, match=r"did you mean `\{summary\}`"):
        parse("{sumary}", SUBJECT)


def test_template_fills_braces_and_placeholders() -> None:
    values = dict.fromkeys(BODY, "x") | {"host": "{names}", "names": "never"}
    assert fill("{{{host}}} {count}", values) == "{{names}} x"


@given(st.text())
def test_template_without_braces_is_itself(text: str) -> None:
    plain = text.replace("{", "(").replace("}", ")")
    assert fill(plain, {}) == plain
