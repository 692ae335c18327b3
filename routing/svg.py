"""SVG as text: elements, the text that fits into a width, and fills that do without colour.

No script, no style element and no style attribute, since the pages' Content-Security-Policy allows none: a drawing has
presentation attributes, which a style sheet overrides by class. Lines and fills are `currentColor`, so that a drawing
has the ink of the page around it, in light and in dark; series differ by pattern, so that they are told apart without
colour and on paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.sax.saxutils import escape, quoteattr

_UNPRINTABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can't have, not even escaped."""

INK, SHEET = "#22252a", "#ffffff"
"""Of a drawing that stands by itself, without a page around it."""

FILLS = 6
"""So many series can be told apart; more begin again."""

FONT = 12


class Drawing:
    """An SVG image that grows. `name` keeps its ids apart from those of others on the page."""

    def __init__(self, name: str, width: float, height: float, title: str, desc: str, *, alone: bool = False) -> None:
        self.name = name
        self._parts: list[str] = []
        head = {
            "xmlns": "http://www.w3.org/2000/svg", "class": "chart", "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc", "viewBox": f"0 0 {width:g} {height:g}",
            "width": width, "height": height, "font-size": FONT, "font-family": "sans-serif", "fill": "currentColor",
        }  # fmt: skip
        if alone:
            head["color"] = INK
        self._parts.append(f"<svg{_attributes(head)}>")
        self.add("title", title, id=f"{name}-title")
        self.add("desc", desc, id=f"{name}-desc")
        if alone:
            self.add("rect", width=width, height=height, fill=SHEET)

    def add(self, tag: str, text: str = "", tip: str = "", **attributes: object) -> None:
        """An element with a text in it, or with a title that shows when it is pointed at."""
        inner = _clean(text) + (f"<title>{_clean(tip)}</title>" if tip else "")
        self._parts.append(f"<{tag}{_attributes(attributes)}>{inner}</{tag}>" if inner else f"<{tag}"
                           f"{_attributes(attributes)}/>")  # fmt: skip

    @contextmanager
    def inside(self, tag: str, **attributes: object) -> Iterator[None]:
        self._parts.append(f"<{tag}{_attributes(attributes)}>")
        yield
        self._parts.append(f"</{tag}>")

    def text(self, x: float, y: float, text: str, anchor: str = "start", size: int = FONT) -> None:
        self.add("text", text, x=x, y=y, text_anchor=anchor, font_size=size)

    def line(self, x1: float, y1: float, x2: float, y2: float, opacity: float = 1.0) -> None:
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke="currentColor", stroke_opacity=opacity)

    def patterns(self) -> None:
        """Fills of the series, told apart without colour: full, hatched, pale, dotted, hatched the other way, empty."""
        strokes = {1: "M0 8L8 0M-2 2L2 -2M6 10L10 6", 4: "M0 0L8 8M-2 6L2 10M6 -2L10 2"}
        with self.inside("defs"):
            for number, path in strokes.items():
                with self._pattern(number):
                    self.add("path", d=path, stroke="currentColor", stroke_width=2.2)
            with self._pattern(3):
                self.add("circle", cx=2, cy=2, r=1.4)
                self.add("circle", cx=6, cy=6, r=1.4)

    @contextmanager
    def _pattern(self, number: int) -> Iterator[None]:
        with self.inside("pattern", id=f"{self.name}-fill{number}", width=8, height=8, patternUnits="userSpaceOnUse"):
            yield

    def bar(self, series: int, x: float, y: float, width: float, height: float, tip: str = "") -> None:
        number = series % FILLS
        fill = {0: "currentColor", 2: "currentColor", 5: "none"}.get(number, f"url(#{self.name}-fill{number})")
        opacity = {0: 0.82, 2: 0.3}.get(number, 1)
        self.add(
            "rect", tip=tip, class_=f"series series-{number + 1}", x=x, y=y, width=width, height=height, fill=fill,
            fill_opacity=opacity, stroke="currentColor", stroke_width=0.8,
        )  # fmt: skip

    def done(self) -> str:
        return "\n".join([*self._parts, "</svg>\n"])


def _attributes(attributes: dict[str, object]) -> str:
    said = []
    for name, value in attributes.items():
        told = f"{round(value, 2):g}" if isinstance(value, float) else _cleaned(str(value))
        # viewBox and patternUnits keep their capitals; class_ is Python's class.
        said.append(f" {name.rstrip('_').replace('_', '-')}={quoteattr(told)}")
    return "".join(said)


def _cleaned(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)


def _clean(text: str) -> str:
    return escape(_cleaned(text))


def text_width(text: str, size: float = FONT) -> float:
    """About so wide, in the unit of the size: Chinese characters are square, others a bit over half as wide."""
    return sum(1.0 if ord(character) > 0x2E80 else 0.58 for character in text) * size


def fitted(text: str, width: float) -> str:
    """The text, cut with an ellipsis where it is wider."""
    if text_width(text) <= width:
        return text
    while text and text_width(text) + FONT > width:
        text = text[:-1]
    return text.rstrip(" ,、") + "…"
