"""Odd and wrong input of `trash evaluate`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.report.evaluations import Capture, as_json, data_root, refused, trained
from tests.report.html_page import Page
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.project import Project

__all__ = ["project", "trained"]


REFUSED = (
    (["tiny-01"], "tiny-001"),
    (["submissions/tiny-01.csv", "--truth", "tiny"], "Did you mean submissions/tiny-001.csv?"),
    (["submissions/tiny-001.csv"], "nothing says what is right"),
    (["submissions/tiny-001.csv", "--split", "val"], "holds the test images"),
    (["submissions/tiny-001.csv", "--truth", "tiny", "--views", "d4"], "--views is for"),
    (["tiny-001", "--size", "8x8"], "--size is for submission files"),
    (["tiny-001", "--truth", "tiny", "--split", "val"], "not both"),
    (["tiny-001", "submissions/tiny-001.csv"], "cannot be evaluated together"),
    (["tiny-001", "tiny-001"], "named twice"),
    (["submissions/tiny-001.csv"] * 2 + ["--truth", "tiny"], "named twice"),
    (["tiny-001", "--truth", "submissions/tiny-001.csv"], "scored against annotations"),
    (["tiny-001", "--truth", "gone.json"], "gone.json"),
    (["tiny-001", "--truth", "recipes"], "nothing says how its masks"),
    (["tiny-001", "--truth", "untold"], "untold: data.truth is unset"),
    (["tiny-001", "--split", "test", "--recipe", "untold"], "data.truth is unset"),
    (["tiny-001@flipp"], "flipp"),
    (["tiny-001", "--post", "min_aera"], "min_area"),
    (["tiny-001", "--metric", "image_mio"], "image_miou"),
    (["tiny-001", "--combine", "geometric", "runs/tiny-001/last.pt"], "needs --ensemble"),
    (["tiny-001", "-o", "recipes"], "recipes is a folder"),
    (["tiny-001", "--truth", "renamed.json"], "does not name Papre"),
    (["tiny-001", "--truth", "moved.json"], "moved/"),
    (["submissions/tiny-001.csv", "--truth", "moved.json"], "is not in moved.json"),
    (["tiny-001", "--truth", "none.json"], "no images"),
    (["submissions/tiny-001.csv", "--truth", "none.json"], "is not in none.json"),
)


def test_what_cannot_be_evaluated_is_told(trained: Any, project: Project, capsys: Capture) -> None:
    text = (project.root / "recipes" / "tiny.toml").read_text()
    untold = text.replace('truth = "test_truth.json"\n', "")
    (project.root / "recipes" / "untold.toml").write_text(untold)
    content = json.loads((data_root(project) / "test_truth.json").read_text())
    renamed = json.loads(json.dumps(content).replace('"Paper"', '"Papre"'))
    moved = [{**each, "file_name": f"moved/{each['file_name']}"} for each in content["images"]]
    for name, changed in (
        ("renamed", renamed),
        ("moved", {**content, "images": moved}),
        ("none", {**content, "images": [], "annotations": []}),
    ):
        (project.root / f"{name}.json").write_text(json.dumps(changed))
    for command, message in REFUSED:
        assert message in refused(capsys, "evaluate", *command), command
    assert not (project.root / "reports").exists()


def test_classes_are_known_by_their_names(trained: Any, project: Project, capsys: Capture) -> None:
    content = json.loads((data_root(project) / "test_truth.json").read_text())
    n_classes = len(content["categories"])
    for part, key in (("categories", "id"), ("annotations", "category_id")):
        for each in content[part]:
            each[key] = n_classes - each[key]  # the same classes, numbered the other way round
    (project.root / "other.json").write_text(json.dumps(content))
    # Which annotation lies on top goes by the label, not by the number in the file.
    command = ["evaluate", "tiny-001", "--truth", "other.json", "--data", str(data_root(project))]
    found = as_json(capsys, *command)
    assert found["evaluated"][0]["metrics"] == trained["submission"]["score"]["metrics"]


def test_one_image_has_no_intervals(trained: Any, project: Project, capsys: Capture) -> None:
    content = json.loads((data_root(project) / "val.json").read_text())
    image = content["images"][0]
    content["images"] = [image]
    content["annotations"] = [
        each for each in content["annotations"] if each["image_id"] == image["id"]
    ]
    (project.root / "one.json").write_text(json.dumps(content))
    options = ["--truth", "one.json", "--data", str(data_root(project))]
    found = as_json(capsys, "evaluate", "tiny-001", *options)
    (only,) = found["evaluated"]
    assert (found["images"], only["intervals"]) == (1, {})
    assert all(each["interval"] is None for each in only["classes"].values())
    page = Page(Path(found["page"]))
    assert [each["data-name"] for each in page.all("article")] == [image["file_name"]]


def test_annotations_that_cover_nothing_and_metrics_without_a_value_are_told(
    trained: Any, project: Project, capsys: Capture
) -> None:
    content = json.loads((data_root(project) / "test_truth.json").read_text())
    content["annotations"][0]["segmentation"] = []
    (project.root / "t.json").write_text(json.dumps(content))
    options = ["--truth", "t.json", "--data", str(data_root(project))]
    for named in ("tiny-001", "submissions/tiny-001.csv"):
        errors = refused(capsys, "evaluate", named, *options)
        assert "cover no pixel" in errors
        assert "--on-empty skip" in errors
        metric = ["--on-empty", "skip", "--metric", 'dice:classes=["Clothing"]']
        found = as_json(capsys, "evaluate", named, *options, *metric)
        (only,) = found["evaluated"]
        assert (only["metric"], only["metrics"][metric[-1]]) == (metric[-1], None)
        assert any(f"the metric {metric[-1]} has no value" in each for each in found["warnings"])


def test_names_of_others_run_nothing(project: Project, capsys: Capture, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(data_root(project), root)
    nasty = '<img src=x onerror="alert(1)"> & "Papier" 종이 ورق'
    for file in root.glob("*.json"):
        content = json.loads(file.read_text())
        for category in content.get("categories", []):
            if category["id"] == 1:
                category["name"] = nasty
        file.write_text(json.dumps(content))
    assert run(["recipe", "run", "tiny", "--set", f"data.root={root}"]) == 0
    truth = shutil.copy(root / "test_truth.json", root / "<u>정답.json")
    file = shutil.copy(project.submissions / "tiny-001.csv", tmp_path / "<u>제출.csv")
    shutil.copy(project.submissions / "tiny-001.json", tmp_path / "<u>제출.json")
    for named in ("tiny-001", str(file)):
        found = as_json(capsys, "evaluate", named, "--truth", str(truth))
        assert nasty in found["evaluated"][0]["classes"]
        page = Page(Path(found["page"]))
        assert nasty in page.text
        assert not page.all("u")
        assert any("<u>정답.json" in text for text in page.text)
        assert not any("onerror" in attributes for _, attributes in page.elements)


def test_a_report_of_what_is_no_run_leads_here(
    trained: Any, project: Project, capsys: Capture
) -> None:
    shutil.copy(project.runs / "tiny-001" / "best.pt", project.root / "mine.pt")
    for named in ("submissions/tiny-001.csv", "mine.pt"):
        errors = refused(capsys, "report", named)
        assert f"{named} is a file, and no run" in errors
        assert f"trash evaluate {named}" in errors
