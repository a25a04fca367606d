"""How far splits are from the training split, property by property, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

from toolkit.data.drift import PropertyDrift

_WIDTH, _LEFT, _RIGHT = 560, 128, 16
_ROW, _TOP, _BOTTOM = 26, 30, 40
_APART = 7
"""Pixels between the marks of two splits in one row."""

_TRAIN = 1
"""Styles are those of the splits on the rest of the page: the training split has the first."""


def drift_chart(splits: Sequence[tuple[str, Sequence[PropertyDrift]]]) -> Markup:
    """Return a chart with a row for each property and a mark for each split, as SVG.

    A bar reaches from 0 to what chance explains; a mark beyond it is a difference that is told. A
    mark is full where it is told and hollow where it is not.

    Args:
        splits: (name, its differences to the training split); at most two.
    """
    names = list(dict.fromkeys(each.name for _, found in splits for each in found))
    if not names:
        return Markup("")
    height = _TOP + _ROW * len(names) + _BOTTOM
    bottom = height - _BOTTOM
    title = "distance of the photos of each split from the training photos"
    parts = [f'<svg class="drift" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{title}">']
    for tick in range(0, 101, 25):
        x = _x(tick / 100)
        parts.append(
            f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{bottom}"/>'
            f'<text x="{x}" y="{bottom + 16}" text-anchor="middle">{tick / 100:g}</text>'
        )
    parts.append(
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{height - 4}" text-anchor="middle">'
        "0 = as the training photos, 1 = entirely different</text>"
    )
    for place, (split, _) in enumerate(splits):
        left = _LEFT + 110 * place
        parts.append(
            _mark(place, left + 6, 14, True)
            + f'<text class="name s{place + _TRAIN}" x="{left + 16}" y="18">{escape(split)}</text>'
        )
    for row, name in enumerate(names):
        middle = _TOP + _ROW * (row + 0.5)
        parts.append(
            f'<text x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{escape(name)}</text>'
        )
        for place, (split, found) in enumerate(splits):
            each = next((each for each in found if each.name == name), None)
            if each is None:
                continue
            y = middle + _APART * (place - (len(splits) - 1) / 2)
            width = _x(each.by_chance) - _LEFT
            told = f"{split}, {name}: {each.distance:.2f}, by chance up to {each.by_chance:.2f}"
            parts.append(
                f'<g><title>{escape(told)}</title><rect class="chance" x="{_LEFT}" '
                f'y="{y - 2.5}" width="{width:.1f}" height="5"/>'
                f"{_mark(place, _x(each.distance), y, each.is_told)}</g>"
            )
    return Markup("".join([*parts, "</svg>"]))


def _x(value: float) -> float:
    return round(_LEFT + value * (_WIDTH - _RIGHT - _LEFT), 1)


def _mark(place: int, x: float, y: float, is_told: bool) -> str:
    """Return the mark of a split: a circle or a square."""
    style = f'class="mark s{place + _TRAIN}{"" if is_told else " hollow"}"'
    if place == 0:
        return f'<circle {style} cx="{x}" cy="{y}" r="4.5"/>'
    return f'<rect {style} x="{x - 4}" y="{y - 4}" width="8" height="8"/>'
