from __future__ import annotations

import itertools
import json
import math
import re
from html import unescape
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.report.line_chart import ChartLine, line_chart, sparkline

Values = st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(math.nan), st.just(math.inf))


def tree(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=25), st.lists(Values, max_size=12)), max_size=9))
def test_any_values_are_drawn_inside_the_chart(lines: list[tuple[str, list[float | None]]]) -> None:
    svg = line_chart(
        "a & b", "epoch", [ChartLine(name, list(enumerate(values))) for name, values in lines]
    )
    known = [v for _, values in lines for v in values if v is not None and math.isfinite(v)]
    assert bool(svg) == bool(known)
    if not svg or any(not text.isprintable() for text, _ in lines):
        return
    root = tree(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for line in root.iter("polyline"):
        for point in line.attrib["points"].split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height
    for circle in root.iter("circle"):
        assert 0 <= float(circle.attrib["cy"]) <= height
    drawn = len(list(root.iter("circle"))) + sum(
        len(line.attrib["points"].split()) for line in root.iter("polyline")
    )
    assert drawn == len(known)


def test_names_stand_apart_and_the_script_knows_all_figures() -> None:
    lines = [ChartLine(f"<class {n}>", [(1, 0.5), (2, 0.5 + n / 1e4)]) for n in range(7)]
    svg = line_chart("seven", "epoch", lines, marked=2)
    names = [each for each in tree(svg).iter("text") if "name" in each.attrib.get("class", "")]
    heights = sorted(float(each.attrib["y"]) for each in names)
    assert all(b - a >= 13.9 for a, b in itertools.pairwise(heights))
    found = re.search(r'data-lines="([^"]*)"', svg)
    assert found
    data = json.loads(unescape(found[1]))
    assert [each["name"] for each in data["lines"]] == [each.name for each in lines]
    assert data["lines"][3]["points"] == [[1, 0.5], [2, 0.5003]]


def test_gaps_break_a_line() -> None:
    svg = line_chart("gaps", "epoch", [ChartLine("a", [(1, 1.0), (2, None), (3, 2.0), (4, 3.0)])])
    root = tree(svg)
    assert len(list(root.iter("circle"))) == 1
    assert len(list(root.iter("polyline"))) == 1


def test_ticks_are_round_and_hold_the_values() -> None:
    svg = line_chart("ticks", "epoch", [ChartLine("a", [(1, 0.213), (12, 0.871)])])
    texts = [each.text for each in tree(svg).iter("text")]
    assert [each for each in texts if each in {"0.2", "0.4", "0.6", "0.8", "1"}] == [
        "0.2",
        "0.4",
        "0.6",
        "0.8",
        "1",
    ]


def test_ticks_of_small_values_say_where_they_are() -> None:
    svg = line_chart("learning rate", "epoch", [ChartLine("lr", [(1, 1e-4), (2, 0.0)])])
    texts = [each.text for each in tree(svg).iter("text")]
    assert texts[:5] == ["0", "2.5e-05", "5e-05", "7.5e-05", "1e-04"]


def test_a_small_line_needs_two_values() -> None:
    assert sparkline([0.5]) == sparkline([None, 0.5, None]) == ""
    points = tree(sparkline([0.0, None, 1.0])).find("polyline")
    assert points is not None
    assert points.attrib["points"] == "0.0,18.0 80.0,2.0"
