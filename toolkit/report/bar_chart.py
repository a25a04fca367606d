"""Bars of several series side by side, as SVG; the script of the page reads out values."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape

from markupsafe import Markup

_WIDTH, _HEIGHT = 560, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 30, 40
_MOST_NAMES = 12
_PERCENT = 100


def bar_chart(
    title: str,
    x_name: str,
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
) -> Markup:
    """Return a chart with a group of bars at each name, as SVG; "" without a value.

    Colours and fillings tell the series apart: the first is full, the second hatched, the third
    hollow. The figures are in the chart's attribute `data-lines`.

    Args:
        title: what it shows.
        x_name: what the names are.
        names: of the groups, from left to right.
        series: (name, share 0…1 of each group); at most three.
    """
    most = max((value for _, values in series for value in values), default=0)
    if not names or most <= 0:
        return Markup("")
    step = _step(most)
    top = math.ceil(most / step - 1e-9) * step
    bottom = _HEIGHT - _BOTTOM
    group = (_WIDTH - _LEFT - _RIGHT) / len(names)
    data = {
        "x": x_name,
        "area": [_LEFT + group / 2, _WIDTH - _RIGHT - group / 2],
        "range": [0, len(names) - 1],
        "bottom": bottom,
        "names": list(names),
        "lines": [
            {
                "name": f"{name} %",
                "points": [[n, _PERCENT * value] for n, value in enumerate(values)],
            }
            for name, values in series
        ],
    }
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" tabindex="0" '
        f'aria-label="{escape(title)}" data-lines="{escape(json.dumps(data))}">'
    ]
    for number in range(round(top / step) + 1):
        y = bottom - number * step / top * (bottom - _TOP)
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{_PERCENT * number * step:.3g}%</text>"
        )
    every = math.ceil(len(names) / _MOST_NAMES)
    for number in range(0, len(names), every):
        parts.append(
            f'<text x="{_LEFT + (number + 0.5) * group:.1f}" y="{bottom + 16}" '
            f'text-anchor="middle">{escape(names[number])}</text>'
        )
    parts.append(
        f'<text class="axis" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 4}" '
        f'text-anchor="middle">{escape(x_name)}</text>'
    )
    width = group * 0.8 / len(series)
    for place, (name, values) in enumerate(series):
        left = _LEFT + 110 * place
        parts.append(
            f'<rect class="bars s{place}" x="{left}" y="8" width="14" height="11"/>'
            f'<text class="name s{place}" x="{left + 20}" y="18">{escape(name)}</text>'
        )
        for number, value in enumerate(values):
            height = value / top * (bottom - _TOP)
            if height > 0:
                x = _LEFT + (number + 0.1) * group + place * width
                parts.append(
                    f'<rect class="bars s{place}" x="{x:.1f}" y="{bottom - height:.1f}" '
                    f'width="{max(width - 0.8, 0.4):.1f}" height="{max(height, 0.6):.1f}"/>'
                )
    parts.append('<line class="cursor" y1="0" y2="0"/></svg>')
    return Markup("".join(parts))


def _step(most: float) -> float:
    """Return the distance of about four round marks."""
    power: float = 10 ** math.floor(math.log10(most / 4))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= most / 4.001)
