"""Line charts as SVG that follow the page's colours; the script of the page reads out values."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

_WIDTH, _HEIGHT = 560, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 118, 12, 40
_LABEL_GAP = 14
_STYLES = 6
"""Colours and dashes in the style sheet; more lines begin again."""

Points = Sequence[tuple[float, float | None]]


@dataclass(frozen=True)
class ChartLine:
    """A named line.

    Attributes:
        name: shown at its end.
        points: (x, y), y None where there is no value; in the order of x.
        is_ideal: whether it is what the others are compared with, drawn faintly.
    """

    name: str
    points: Points
    is_ideal: bool = False


def line_chart(
    title: str,
    x_name: str,
    lines: Sequence[ChartLine],
    *,
    marked: float | None = None,
    y_range: tuple[float, float] | None = None,
) -> Markup:
    """Return a chart of some lines over one x, as SVG.

    Colours and dashes tell the lines apart, and each has its name at its end. The figures are in
    the chart's attribute `data-lines`.

    Args:
        title: what it shows.
        x_name: name of the x axis.
        lines: those without a value are left out.
        marked: x of a vertical line, of the best epoch for example.
        y_range: (lowest, highest) of the y axis; None = that of the values.
    """
    lines = [each for each in lines if any(_is_number(y) for _, y in each.points)]
    xs = [x for each in lines for x, y in each.points if _is_number(y)]
    ys = [y for each in lines for _, y in each.points if y is not None and _is_number(y)]
    if not xs:
        return Markup("")
    x_ticks = _ticks(min(xs), max(xs), whole=all(float(x).is_integer() for x in xs))
    y_ticks = _ticks(*(y_range or (min(ys), max(ys))))
    plot = _Scale(
        (min(xs), max(xs)), (min(y_ticks[0], *ys), max(y_ticks[-1], *ys)) if ys else (0, 1)
    )
    data = {
        "x": x_name,
        "area": [_LEFT, _WIDTH - _RIGHT],
        "range": [*plot.x_range],
        "bottom": plot.bottom,
        "lines": [{"name": each.name, "points": _plain(each.points)} for each in lines],
    }
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" tabindex="0" '
        f'aria-label="{escape(title)}" data-lines="{escape(json.dumps(data))}">'
    ]
    for tick in y_ticks:
        y = plot.y(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{_number(tick)}</text>')
    for tick in x_ticks:
        if not min(xs) <= tick <= max(xs):  # the lines end where the values do
            continue
        parts.append(
            f'<text x="{plot.x(tick)}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">'
            f"{_number(tick)}</text>"
        )
    parts.append(
        f'<text class="axis" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 5}" '
        f'text-anchor="middle">{escape(x_name)}</text>'
    )
    if marked is not None:
        x = plot.x(marked)
        parts.append(f'<line class="marked" x1="{x}" x2="{x}" y1="{_TOP}" y2="{plot.bottom}"/>')
    parts += [_path(number, each, plot) for number, each in enumerate(lines)]
    parts += _end_labels(lines, plot)
    parts.append('<line class="cursor" y1="0" y2="0"/></svg>')
    return Markup("".join(parts))


@dataclass(frozen=True)
class _Scale:
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    bottom: int = _HEIGHT - _BOTTOM

    def x(self, value: float) -> float:
        low, high = self.x_range
        share = (value - low) / (high - low) if high > low else 0.5
        return round(_LEFT + share * (_WIDTH - _RIGHT - _LEFT), 1)

    def y(self, value: float) -> float:
        low, high = self.y_range
        share = (value - low) / (high - low) if high > low else 0.5
        return round(self.bottom - share * (self.bottom - _TOP), 1)


def _path(number: int, line: ChartLine, plot: _Scale) -> str:
    """Return a line, broken where it has no value; a value alone is a dot."""
    style = f"line {_style(number, line)}"
    pieces: list[list[str]] = [[]]
    for x, y in line.points:
        if y is None or not _is_number(y):
            pieces.append([])
        else:
            pieces[-1].append(f"{plot.x(x)},{plot.y(y)}")
    found = []
    for piece in pieces:
        if len(piece) == 1:
            left, top = piece[0].split(",")
            found.append(f'<circle class="{style}" cx="{left}" cy="{top}" r="3"/>')
        elif piece:
            found.append(f'<polyline class="{style}" points="{" ".join(piece)}"/>')
    return "".join(found)


def _end_labels(lines: Sequence[ChartLine], plot: _Scale) -> list[str]:
    """Return the names at the ends of the lines, moved apart where they would overlap."""
    ends = []
    for number, line in enumerate(lines):
        last = [y for _, y in line.points if y is not None and _is_number(y)][-1]
        ends.append((plot.y(last), _style(number, line), line.name))
    found, above = [], -math.inf
    lowest = plot.bottom + 4
    ends.sort()
    positions = []
    for y, _, _ in ends:
        above = max(y + 4, above + _LABEL_GAP)
        positions.append(above)
    for back in range(len(positions) - 1, -1, -1):  # those pushed out below move up again
        limit = lowest - (len(positions) - 1 - back) * _LABEL_GAP
        positions[back] = min(positions[back], limit)
    for position, (_, style, name) in zip(positions, ends, strict=True):
        # Runs of one recipe differ at their ends.
        shown = name if len(name) <= 17 else f"{name[:6]}…{name[-10:]}"
        found.append(
            f'<text class="name {style}" x="{_WIDTH - _RIGHT + 8}" '
            f'y="{position:.1f}">{escape(shown)}<title>{escape(name)}</title></text>'
        )
    return found


def _style(number: int, line: ChartLine) -> str:
    return "ideal" if line.is_ideal else f"s{number % _STYLES}"


def sparkline(values: Sequence[float | None]) -> Markup:
    """Return a small line of values 0…1 without axes, as SVG; empty for fewer than two."""
    known = [(row, value) for row, value in enumerate(values) if _is_number(value)]
    if len(known) < 2:
        return Markup("")
    width = max(len(values) - 1, 1)
    points = " ".join(
        f"{row / width * 80:.1f},{18 - (value or 0) * 16:.1f}" for row, value in known
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 80 20" aria-hidden="true">'
        f'<polyline points="{points}"/></svg>'
    )


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return about five round numbers that hold the range; whole ones if asked for."""
    if high <= low:
        margin = abs(low) * 0.1 or 1.0
        low, high = (low, high) if whole else (low - margin, high + margin)
    rough = (high - low) / 4 or 1.0
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    if whole:
        step = max(1.0, math.ceil(step))
        first = math.ceil(low / step) * step
        return [first + n * step for n in range(int((high - first) / step) + 1)]
    first = math.floor(low / step + 1e-9) * step
    return [first + n * step for n in range(math.ceil((high - first) / step - 1e-9) + 1)]


def _number(value: float) -> str:
    """Return a tick as people write it."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.4g}"
    digits, power = f"{value:.2e}".split("e")
    return f"{digits.rstrip('0').rstrip('.')}e{power}"


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _plain(points: Points) -> list[list[float | None]]:
    return [[x, y if _is_number(y) else None] for x, y in points]
