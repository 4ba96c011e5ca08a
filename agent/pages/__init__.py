"""Pages for people: HTML and SVG built as values, without anything from outside the page."""
