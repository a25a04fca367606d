from __future__ import annotations

import json
import re
from html import unescape

from toolkit.report.run_content import class_charts


def test_of_many_classes_the_curves_of_the_largest_are_drawn() -> None:
    names = [f"class {label}" for label in range(150)]
    epochs = [
        {"epoch": number, "val_iou": [label / 150 / number for label in range(150)]}
        for number in (1, 2)
    ]
    epochs.insert(1, {"epoch": 1.5, "val_iou": None})  # not validated
    shares = [float(label % 3 == 0) for label in range(150)]
    drawn = {}
    for chart in class_charts(epochs, names, shares):
        data = re.search(r'data-lines="([^"]*)"', str(chart.svg))
        assert data is not None
        lines = json.loads(unescape(data[1]))["lines"]
        assert len(lines) <= 6
        assert chart.title == f"{lines[0]['name']} … {lines[-1]['name']}"
        drawn |= {each["name"]: each["points"] for each in lines}
    assert list(drawn) == [f"class {label}" for label in range(0, 144, 3)]
    assert drawn["class 30"] == [[1, 0.2], [2, 0.1]]


def test_one_class_has_one_chart_and_no_epoch_none() -> None:
    epochs = [{"epoch": 1, "val_iou": [0.5]}]
    (chart,) = class_charts(epochs, ["Background"], None)
    assert chart.title == "Background"
    assert class_charts([], ["Background"], None) == []
