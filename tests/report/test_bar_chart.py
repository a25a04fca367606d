from __future__ import annotations

import html
import json
import re
from xml.etree import ElementTree

import pytest

from toolkit.data.drift import PropertyDrift
from toolkit.report.bar_chart import bar_chart
from toolkit.report.drift_chart import drift_chart

NASTY = '<script>"&'


def bars(svg: str, style: str) -> list[tuple[float, float]]:
    """(left edge, height) of the bars of a series, without the one of its legend."""
    root = ElementTree.fromstring(svg)
    found = [each for each in root.iter("rect") if each.get("class") == f"bars {style}"]
    return [(float(each.get("x", "")), float(each.get("height", ""))) for each in found][1:]


def test_bars_are_as_high_as_their_values_and_stand_side_by_side() -> None:
    svg = bar_chart(
        NASTY, NASTY, ["a", NASTY, "c"], [("train", [0.5, 0.25, 0]), (NASTY, [0, 0.1, 0.4])]
    )
    first, second = bars(svg, "s0"), bars(svg, "s1")
    assert [height / first[0][1] for _, height in first] == pytest.approx([1, 0.5], abs=0.01)
    assert [height / first[0][1] for _, height in second] == pytest.approx([0.2, 0.8], abs=0.01)
    assert first[0][0] < first[1][0] < second[0][0] < second[1][0]


def test_the_values_are_read_out_by_name() -> None:
    svg = bar_chart("areas", "pixels", ["1", NASTY], [("train", [0.5, 0.25])])
    (text,) = re.findall(r'data-lines="([^"]*)"', svg)
    data = json.loads(html.unescape(text))
    assert data["names"] == ["1", NASTY]
    assert data["lines"] == [{"name": "train %", "points": [[0, 50], [1, 25]]}]
    low, high = data["area"]
    middles = [left + (high - low) * 0.4 for left, _ in bars(svg, "s0")]
    assert middles == pytest.approx([low, high], abs=1)


@pytest.mark.parametrize("series", [[], [("train", [])], [("train", [0.0, 0.0])]])
def test_nothing_is_drawn_without_a_value(series: list[tuple[str, list[float]]]) -> None:
    assert bar_chart("t", "x", ["a", "b"], series) == ""


def test_a_difference_that_chance_does_not_explain_has_a_full_mark() -> None:
    found = [
        PropertyDrift("bright<", 0.5, 0.2, (1, 2)),
        PropertyDrift("contrast", 0.1, 0.2, (1, 2)),
    ]
    svg = drift_chart([("val", found[1:]), (NASTY, found)])
    root = ElementTree.fromstring(svg)
    marks = {
        title.text: [each.get("class") for each in group if "mark" in each.get("class", "")]
        for group in root.iter("g")
        for title in group.iter("title")
    }
    assert marks == {
        "val, contrast: 0.10, by chance up to 0.20": ["mark s1 hollow"],
        f"{NASTY}, bright<: 0.50, by chance up to 0.20": ["mark s2"],
        f"{NASTY}, contrast: 0.10, by chance up to 0.20": ["mark s2 hollow"],
    }
    assert drift_chart([]) == ""
