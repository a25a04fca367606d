"""What the page of a run says of its origin and its epochs, through the command."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

from tests.report.evaluations import Capture, as_json
from tests.report.html_page import Page
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.project import Project

__all__ = ["project"]


def page_of(capsys: Capture, name: str) -> Page:
    return Page(Path(as_json(capsys, "report", name)["page"]))


def table_of(page: Page, label: str) -> list[list[str]]:
    """Return the texts of the cells of the table in the region of this name, row by row."""
    html = page.path.read_text()
    (region,) = re.findall(rf'aria-label="{label}"[^>]*>(.*?)</table>', html, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", region, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[unescape(re.sub(r"<[^>]*>", "", cell)) for cell in row] for row in cells]


def test_figures_of_the_author_stand_beside_ours(project: Project, capsys: Capture) -> None:
    (project.root / "recipes" / "theirs.toml").write_text(
        """
extends = "tiny.toml"
[reference]
author = "Ann <b>Lee</b>"
val_miou = 0.3298
val_dice = 0.4
val_epoch = 2
public_lb = 0.3658
val_own_metric = 0.5
"""
    )
    result = as_json(capsys, "recipe", "run", "theirs")
    file = str(project.submissions / "theirs-001.csv")
    assert run(["submission", "record", file, "--public", "0.25"]) == 0
    rows = table_of(page_of(capsys, "theirs-001"), "figures of the author")
    scores = result["submission"]["validation"]["metrics"]
    assert rows[1:] == [
        ["author", "Ann <b>Lee</b>", "–"],
        ["val miou", "0.3298", f"{scores['miou']:.4f}"],
        ["val dice", "0.4000", f"{scores['dice']:.4f}"],
        ["val epoch", "2", str(result["best_epoch"])],
        ["public lb", "0.3658", "0.2500"],
        ["val own metric", "0.5000", "–"],
    ]


def test_every_value_says_where_it_was_written(project: Project, capsys: Capture) -> None:
    (project.root / "recipes" / "child.toml").write_text(
        'extends = "tiny.toml"\nseed = 7\n[train]\nbatch_size = 2\n'
    )
    as_json(capsys, "recipe", "run", "child", "--set", "optimizer.lr=0.2")
    page = page_of(capsys, "child-001")
    rows = {key: (value, origin) for key, value, origin in table_of(page, "recipe")[1:]}
    assert rows["seed"] == ("7", "recipes/child.toml:2")
    assert rows["train.batch_size"] == ("2", "recipes/child.toml:4")
    assert rows["optimizer.lr"] == ("0.2", "--set optimizer.lr=0.2")
    assert rows["postprocess.0.name"][1].startswith("recipes/tiny.toml:")
    assert rows["data.mean"][1] == "set by the run"
    assert "data.ignore_index" not in rows  # a default
    # Runs of before noted less.
    manifest = project.runs / "child-001" / "manifest.json"
    content = json.loads(manifest.read_text())
    del content["origins"], content["result"]["submission"]["digest"]
    manifest.write_text(json.dumps(content))
    old = table_of(page_of(capsys, "child-001"), "recipe")[1:]
    assert {tuple(row) for row in old} == {(key, value, "–") for key, (value, _) in rows.items()}


def test_curves_show_every_metric_and_class(project: Project, capsys: Capture) -> None:
    as_json(capsys, "recipe", "run", "tiny")
    page = page_of(capsys, "tiny-001")
    charts = [json.loads(each["data-lines"]) for each in page.all("svg") if "data-lines" in each]
    points = {each["name"]: each["points"] for chart in charts for each in chart["lines"]}
    records = [
        json.loads(line)
        for line in (project.runs / "tiny-001" / "metrics.jsonl").read_text().splitlines()
    ]
    for name in records[0]["val_metrics"]:
        title = "mIoU" if name == "miou" else name
        assert points[title] == [[each["epoch"], each["val_metrics"][name]] for each in records]
    classes = json.loads((project.runs / "tiny-001" / "manifest.json").read_text())["classes"]
    for label, name in enumerate(classes):
        ious = [each["val_iou"][label] for each in records]
        if any(each is not None for each in ious):
            expected = [[n, None if v is None else round(v, 4)] for n, v in enumerate(ious, 1)]
            assert points[name] == expected
    assert any(re.fullmatch(r"[\d.]+ GB of the training process at most", t) for t in page.text)
