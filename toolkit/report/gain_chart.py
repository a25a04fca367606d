"""Gains of variants with their intervals, one below the other, as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BOTTOM = 560, 178, 28, 12, 22, 40
_LONGEST_NAME = 23


@dataclass(frozen=True)
class VariantGain:
    """How much better a variant is than the baseline.

    Attributes:
        name: of the variant.
        mean: over the seeds.
        seeds: of each seed.
        error: two standard errors over the seeds; None = one seed.
        images: 95 % interval over images drawn anew, or None.
        is_noise: whether the gain may be noise of one of both kinds.
    """

    name: str
    mean: float
    seeds: tuple[float, ...]
    error: float | None
    images: tuple[float, float] | None
    is_noise: bool


def gain_chart(title: str, x_name: str, gains: Sequence[VariantGain]) -> Markup:
    """Return a row per variant: seeds as dots, their mean, and both intervals; "" without any.

    A full mark is a gain beyond noise, a hollow one may be noise: colour says nothing alone.

    Args:
        title: what it shows.
        x_name: what the figures are.
        gains: in the order of the rows.
    """
    if not gains:
        return Markup("")
    ends = [0.0]
    for each in gains:
        ends += [each.mean, *each.seeds, *(each.images or ())]
        if each.error is not None:
            ends += [each.mean - each.error, each.mean + each.error]
    low, high, step = _range(min(ends), max(ends))
    height = _TOP + _ROW * len(gains) + _BOTTOM
    bottom = height - _BOTTOM

    def x(value: float) -> float:
        return round(_LEFT + (value - low) / (high - low) * (_WIDTH - _RIGHT - _LEFT), 1)

    parts = [
        f'<svg class="chart gains" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}">'
    ]
    for number in range(round((high - low) / step) + 1):
        tick = low + number * step
        kind = "zero" if abs(tick) < step / 1000 else "grid"
        parts.append(
            f'<line class="{kind}" x1="{x(tick)}" x2="{x(tick)}" y1="{_TOP}" y2="{bottom}"/>'
            f'<text x="{x(tick)}" y="{bottom + 16}" text-anchor="middle">'
            f"{_signed(tick, step)}</text>"
        )
    parts.append(
        f'<text class="axis" x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{height - 5}" '
        f'text-anchor="middle">{escape(x_name)}</text>'
    )
    for number, each in enumerate(gains):
        y = _TOP + _ROW * number + _ROW / 2
        name = each.name
        shown = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        parts.append(
            f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end">{escape(shown)}'
            f"<title>{escape(name)}</title></text>"
        )
        if each.images is not None:
            first, last = map(x, each.images)
            parts.append(f'<line class="images" x1="{first}" x2="{last}" y1="{y}" y2="{y}"/>')
        if each.error is not None:
            first, last = x(each.mean - each.error), x(each.mean + each.error)
            width = max(last - first, 1.0)
            parts.append(
                f'<rect class="error" x="{first}" y="{y - 4}" width="{width:.1f}" height="8"/>'
            )
        parts += [f'<circle class="seed" cx="{x(s)}" cy="{y}" r="2"/>' for s in each.seeds]
        kind = "noise" if each.is_noise else "sure"
        told = f"{name}: {each.mean:+.4f}" + (" (noise)" if each.is_noise else "")
        parts.append(
            f'<circle class="mean {kind}" cx="{x(each.mean)}" cy="{y}" r="4.5">'
            f"<title>{escape(told)}</title></circle>"
        )
    parts.append("</svg>")
    return Markup("".join(parts))


def _range(low: float, high: float) -> tuple[float, float, float]:
    """Return round ends around some figures, and the distance of about four marks."""
    if high <= low:
        low, high = low - 0.01, high + 0.01
    rough = (high - low) / 4
    power: float = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step


def _signed(value: float, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9) + (f"{step:.1e}"[2] == "5" and step < 1))
    text = f"{value:+.{digits}f}"
    return "0" if float(text) == 0 else text
