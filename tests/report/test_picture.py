"""The picture of what fills up: it is a PNG that shows what the page shows, whatever things are called."""

from __future__ import annotations

import io
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from agent.model.signals import Points
from agent.report.field import HEIGHT, INK, LIMIT, SHADE, WHITE
from agent.report.field import WIDTH as FIELD
from agent.report.lettering import Lettering
from agent.report.panels import MOST, panel
from agent.report.period import Period
from agent.report.picture import HEAD, PANEL, WIDTH, picture
from agent.rules.capacity import Outlook
from agent.rules.forecast import State, Subject, forecast
from tests.rules.histories import DAY, T0, History, flat, history, leak, together

NOW = T0 + 25 * DAY
PERIOD = Period(NOW - 30 * DAY, NOW, UTC)
LEAK = history(together(flat(40), leak(2)), 31, 1, 0.9)
STEADY = history(flat(40), 31, 1, 0.3)


def outlook(told: History, name: str = "/", subject: Subject | None = None) -> Outlook:
    subject, points = subject or Subject(limit=100.0, empty=0.0), told.until(25)
    return Outlook(("disk.used_percent", (("mountpoint", name),)), subject, forecast(points, subject, NOW, 1), points)


GROWING = outlook(LEAK)
FLAT = outlook(STEADY)


def seen(*found: Outlook, host: str = "web-1") -> Image.Image:
    content = picture(found, host, PERIOD, NOW)
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        image.load()
        return image.convert("RGB")


def field(image: Image.Image, place: int = 0) -> Image.Image:
    """Return the field of one curve."""
    top = HEAD + PANEL * place + 42
    return image.crop((96, top, 96 + FIELD, top + HEIGHT))


def colours(image: Image.Image) -> dict[object, int]:
    return {colour: count for count, colour in image.getcolors(image.width * image.height) or ()}


def test_picture_has_the_size_stated_and_a_panel_for_each_curve() -> None:
    assert seen(GROWING).size == (WIDTH, HEAD + PANEL)
    assert seen(GROWING, outlook(LEAK, "/srv")).size == (WIDTH, HEAD + 2 * PANEL)
    assert seen(*[GROWING] * (MOST + 3)).size == (WIDTH, HEAD + MOST * PANEL)


def test_growing_curve_shows_history_interval_and_the_limit_at_its_place() -> None:
    shown = field(seen(GROWING))
    found = colours(shown)
    assert found[INK] > 500
    assert found[SHADE] > 50
    upper = colours(shown.crop((0, 0, FIELD, 1)))
    assert upper[LIMIT] > 0.9 * FIELD, "the limit is the upper edge"
    line = panel(GROWING, UTC)
    left = colours(shown.crop((0, 0, int(line.now * FIELD) - 3, HEIGHT)))
    right = colours(shown.crop((int(line.now * FIELD) + 3, 0, FIELD, HEIGHT)))
    assert SHADE not in left
    assert INK not in right


def test_course_lies_as_high_as_what_was_measured() -> None:
    shown = field(seen(GROWING)).crop((0, 2, 40, HEIGHT))
    rows = [y for y in range(shown.height) if any(shown.getpixel((x, y)) == INK for x in range(40))]
    assert 0.38 < 1 - (rows[-1] + 2) / HEIGHT < 0.46, "it begins at 40 of 100"


def test_steady_curve_has_no_interval() -> None:
    found = colours(field(seen(FLAT)))
    assert found[INK] > 500
    assert SHADE not in found


def test_limit_that_is_passed_lies_where_the_data_has_it() -> None:
    low = field(seen(outlook(STEADY, subject=Subject(limit=20.0, empty=0.0))))
    rows = [y for y in range(HEIGHT) if low.getpixel((FIELD - 1, y)) == LIMIT]
    top = panel(outlook(STEADY, subject=Subject(limit=20.0, empty=0.0)), UTC).limit
    assert rows == [round((1 - top) * HEIGHT)]
    assert 40 < rows[0] < HEIGHT - 10


def test_pictures_of_two_histories_differ_and_of_one_are_the_same() -> None:
    assert picture([GROWING], "web-1", PERIOD, NOW) == picture([GROWING], "web-1", PERIOD, NOW)
    assert seen(GROWING).tobytes() != seen(FLAT).tobytes()


def test_only_what_fills_up_is_drawn_if_anything_does() -> None:
    both = seen(GROWING, FLAT)
    assert both.size == (WIDTH, HEAD + PANEL)
    assert field(both).tobytes() == field(seen(GROWING)).tobytes()


def test_host_signal_dates_and_numbers_are_written() -> None:
    one, image = seen(GROWING), seen(GROWING, host="")
    assert one.crop((220, 8, 500, 40)).tobytes() != image.crop((220, 8, 500, 40)).tobytes()
    for box in ((24, HEAD + 10, 300, HEAD + 32), (40, HEAD + 34, 92, HEAD + 50), (96, 280, 180, 310)):
        assert len(colours(one.crop(box))) > 2, box


def test_nothing_to_draw_is_said_in_the_picture() -> None:
    image = seen()
    assert image.size == (WIDTH, HEAD + PANEL)
    assert len(colours(image.crop((0, HEAD, WIDTH, HEAD + PANEL)))) > 2


def test_series_without_a_number_has_an_empty_field() -> None:
    subject, nothing = Subject(limit=100.0), Points((), (), (), (), (), ())
    learning = Outlook(("shop.value", ()), subject, forecast(nothing, subject, NOW), nothing)
    assert learning.forecast.state is State.LEARNING
    found = colours(field(seen(learning)))
    assert INK not in found
    assert found[WHITE] > 0.9 * FIELD * HEIGHT


@pytest.mark.parametrize(
    "name", ["<svg onload=x>\n\x1b[31m\u202egnp", "x" * 100_000, "\udcff\x00", "Bücher 書", "{0}%s"]
)
def test_hostile_names_change_nothing_but_text(name: str) -> None:
    image = seen(outlook(LEAK, name), host=name)
    assert image.size == (WIDTH, HEAD + PANEL)
    assert field(image).tobytes() == field(seen(GROWING)).tobytes()
    edge = colours(image.crop((WIDTH - 10, 0, WIDTH, HEAD + PANEL)))
    assert set(edge) == {WHITE}, "nothing runs out of the picture"


@settings(max_examples=40)
@given(st.text(), st.floats(0, 300))
def test_text_of_any_kind_is_no_wider_than_its_room(text: str, room: float) -> None:
    image = Image.new("RGB", (400, 40), WHITE)
    draw = Lettering(ImageDraw.Draw(image), 15)
    wide = draw.width(text, room)
    assert wide <= max(room, draw.width("...", 100))
    assert draw.write((10, 20), text, INK, room) == pytest.approx(10 + wide)
    assert set(colours(image.crop((0, 0, 400, 6)))) == {WHITE}, "it is one line"


@settings(max_examples=10)
@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=50), st.floats(-1e300, 1e300))
def test_numbers_of_any_size_are_drawn(values: list[float], limit: float) -> None:
    times = [NOW - 3600.0 * (len(values) - at) for at in range(len(values))]
    points = Points(times, [3600] * len(values), values, values, values, [1.0] * len(values))
    subject = Subject(limit=limit)
    assert seen(Outlook(("a.b", ()), subject, forecast(points, subject, NOW), points)).size == (WIDTH, HEAD + PANEL)


def test_line_that_leaves_the_field_is_cut_and_not_bent() -> None:
    """It meets the limit where the forecast says, also where it would go on far beyond."""
    found = panel(GROWING, UTC)
    (_, _), (x, y) = found.line
    assert y == pytest.approx(1.0)
    days = GROWING.forecast.days
    assert days is not None
    wide = (x - found.now) / (1 - found.now)
    assert 0 < wide <= 1
    assert x < max(corner[0] for corner in found.shade)
