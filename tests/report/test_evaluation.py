"""Checkpoints and submission files against a truth, through the command."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.html_page import Page
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.project import Project

__all__ = ["project"]
Capture = pytest.CaptureFixture[str]


def as_json(capsys: Capture, *command: str) -> Any:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: Capture, *command: str) -> str:
    capsys.readouterr()
    assert run(list(command)) == 2
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return printed.err


def data_root(project: Project) -> Path:
    text = (project.root / "recipes" / "tiny.toml").read_text()
    return Path(re.search(r'root = "(.*)"', text)[1])  # type: ignore[index]


@pytest.fixture
def trained(project: Project, capsys: Capture) -> Any:
    """The result of the run tiny-001, with its submission."""
    return as_json(capsys, "recipe", "run", "tiny")


def test_a_run_scores_what_its_submission_did(
    trained: Any, project: Project, capsys: Capture
) -> None:
    submission = trained["submission"]
    truth = str(data_root(project) / "test_truth.json")
    for options, expected in (
        ([], submission["validation"]),
        (["--split", "test"], submission["score"]),
        (["--truth", truth], submission["score"]),
        (["--truth", "tiny"], submission["score"]),
    ):
        found = as_json(capsys, "evaluate", "tiny-001", *options)
        (only,) = found["evaluated"]
        assert only["metrics"] == expected["metrics"]
        assert only["intervals"] == expected["intervals"]
        assert list(only["iou"].values()) == list(expected["iou"])
        page = Page(Path(found["page"]))
        assert f"{expected['mean_iou']:.4f} ± {expected['intervals']['miou']['error']:.4f}" in (
            page.text
        )
        sections = [each["href"] for each in page.all("a")][1:]
        names = ["scores", "classes", "confusion", "probabilities", "images", "origin"]
        assert sections == [f"#{name}" for name in names]


def test_a_file_scores_what_the_desk_says(trained: Any, project: Project, capsys: Capture) -> None:
    file = "submissions/tiny-001.csv"
    truth = ["--truth", str(data_root(project) / "test_truth.json")]
    desk = as_json(capsys, "submission", "score", file, *truth)
    found = as_json(capsys, "evaluate", file, *truth)
    (only,) = found["evaluated"]
    for key in ("metric", "metrics", "intervals", "iou", "mean_iou"):
        assert only[key] == desk[key]
    assert found["size"] == [16, 16]
    checkpoint = as_json(capsys, "evaluate", "tiny-001", *truth)["evaluated"][0]
    assert only["classes"] == checkpoint["classes"]
    page = Page(Path(as_json(capsys, "evaluate", file, *truth)["page"]))
    assert not any(text == "Probabilities" for text in page.text)
    cards = page.all("article")
    images = json.loads(Path(truth[1]).read_text())["images"]
    assert {each["data-name"] for each in cards} == {each["file_name"] for each in images}
    layers = [each["alt"] for each in page.all("img")[:4]]
    assert layers == [f"photo {cards[0]['data-name']}", "prediction", "truth", "errors"]
    # Photos keep their shape, whatever that of the file's maps.
    assert {(each["width"], each["height"]) for each in page.all("img")[::4]} == {("64", "64")}


def test_support_and_errors_of_classes_are_those_of_the_pixels(
    trained: Any, project: Project, capsys: Capture
) -> None:
    truth = str(data_root(project) / "test_truth.json")
    # The truth itself, but the first class is never found.
    found = as_json(capsys, "evaluate", "tiny-001", "--truth", truth)
    classes = found["evaluated"][0]["classes"]
    content = json.loads(Path(truth).read_text())
    images = {
        each["name"]: {
            annotation["image_id"]
            for annotation in content["annotations"]
            if annotation["category_id"] == each["id"]
        }
        for each in content["categories"]
    }
    for name, ids in images.items():
        figures = classes[name]
        assert figures["images"] <= len(ids)  # a larger label may cover it, or the size drop it
        assert figures["missed_in"] <= figures["images"]
        assert (figures["recall"] is None) == (figures["pixels"] == 0)
    assert sum(each["pixels"] for each in classes.values()) == 16 * 16 * len(content["images"])


def test_several_stand_side_by_side_with_their_difference(
    trained: Any, project: Project, capsys: Capture
) -> None:
    as_json(capsys, "recipe", "run", "tiny", "--set", "optimizer.lr=0.5")
    truth = ["--truth", str(data_root(project) / "test_truth.json")]
    files = ["submissions/tiny-002.csv", "submissions/tiny-001.csv"]
    desk = as_json(capsys, "submission", "score", files[1], *truth, "--over", files[0])
    for named in (files, ["tiny-002", "tiny-001"]):
        found = as_json(capsys, "evaluate", *named, *truth)
        second = found["evaluated"][1]
        assert second["metrics"] == desk["metrics"]
        for key in ("score", "interval", "within_noise"):
            assert second["over_first"][key] == desk["over"][key]
        page = Page(Path(found["page"]))
        assert any(text.startswith(f"{desk['over']['score']:+.4f}") for text in page.text)
        assert [each["href"] for each in page.all("a")][1:] == ["#scores", "#classes", "#images"]
        assert page.all("article")
    capsys.readouterr()
    assert run(["evaluate", *files, *truth]) == 0
    verdict = "better" if desk["over"]["score"] > 0 else "worse"
    printed = capsys.readouterr().out
    assert f"tiny-001.csv: {abs(desk['over']['score']):.4f} {verdict} than tiny-002.csv" in printed


def test_an_ensemble_is_scored_as_it_is_submitted(
    trained: Any, project: Project, capsys: Capture
) -> None:
    as_json(capsys, "recipe", "run", "tiny", "--set", "optimizer.lr=0.5")
    both = ["--ensemble", "tiny-001@hflip", "tiny-002", "--combine", "geometric"]
    post = ["--post", "min_area:pixels=30"]
    submitted = as_json(capsys, "submit", *both, *post)
    found = as_json(capsys, "evaluate", *both, *post)
    (only,) = found["evaluated"]
    assert only["metrics"] == submitted["validation"]["metrics"]
    assert only["name"] == "tiny-001 + tiny-002"
    page = Page(Path(found["page"]))
    for member in submitted["members"]:
        assert f"{member['validation']['mean_iou']:.4f}" in " ".join(page.text)
    assert any("min_area" in text for text in page.text)
    plain = as_json(capsys, "evaluate", *both)
    assert plain["evaluated"][0]["metrics"] != only["metrics"]


def test_images_that_were_trained_on_are_told(
    trained: Any, project: Project, capsys: Capture
) -> None:
    for options in (["--split", "train"], ["--truth", str(data_root(project) / "train.json")]):
        found = as_json(capsys, "evaluate", "tiny-001", *options)
        (warning,) = found["warnings"]
        assert "was trained on 12 of the 12 images" in warning
        assert warning in Page(Path(found["page"])).text
    assert as_json(capsys, "evaluate", "tiny-001")["warnings"] == []


def test_a_folder_with_masks_is_read_as_the_recipe_reads_its_own(
    trained: Any, project: Project, capsys: Capture
) -> None:
    assert run(["data", "convert", "tiny", "--to", "masks", "-o", "own"]) == 0
    for split in ("train", "val", "truth"):
        source = data_root(project) / ("test_truth.json" if split == "truth" else f"{split}.json")
        folder = project.root / "own" / "photos" / split
        folder.mkdir(parents=True)
        for image in json.loads(source.read_text())["images"]:
            shutil.copy(data_root(project) / image["file_name"], folder)
    classes = (project.root / "own" / "classes.txt").read_text().split("\n")[1:]
    (project.root / "recipes" / "masked.toml").write_text(
        f"""
extends = "tiny.toml"
[data]
root = "own"
train = "photos/train"
val = "photos/val"
test = "photos/truth"
classes = {json.dumps([each for each in classes if each])}
format = {{ name = "masks", masks = "masks/{{folder}}/{{stem}}.png", photos = "photos" }}
"""
    )
    truth = ["--truth", "own/photos/truth", "--recipe", "masked"]
    found = as_json(capsys, "evaluate", "tiny-001", *truth)
    assert found["evaluated"][0]["metrics"] == trained["submission"]["score"]["metrics"]
    assert Page(Path(found["page"])).all("article")


def test_without_photos_the_page_of_a_file_has_all_but_images(
    trained: Any, project: Project, capsys: Capture, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(data_root(project) / "test_truth.json", alone / "truth.json")
    file = shutil.copy(project.submissions / "tiny-001.csv", alone / "mine.csv")
    command = ["evaluate", str(file), "--truth", str(alone / "truth.json"), "--size", "16x16"]
    found = as_json(capsys, *command)
    (warning,) = found["warnings"]
    assert re.search(r"images are left out: the photo .* is not here", warning)
    page = Page(Path(found["page"]))
    assert warning in page.text
    assert not page.all("article")
    assert any(each.get("id") == "matrix" for each in page.all("table"))
    with_photos = as_json(capsys, *command, "--data", str(data_root(project)))
    assert with_photos["warnings"] == []
    assert Page(Path(with_photos["page"])).all("article")
    assert with_photos["evaluated"] == found["evaluated"]
    assert "is not here" in refused(capsys, *command, "--data", str(alone))


def test_another_file_may_be_the_truth(trained: Any, project: Project, capsys: Capture) -> None:
    file = "submissions/tiny-001.csv"
    shutil.copy(project.root / file, project.root / "submissions" / "copy.csv")
    shutil.copy(project.submissions / "tiny-001.json", project.submissions / "copy.json")
    found = as_json(capsys, "evaluate", "submissions/copy.csv", "--truth", file)
    (only,) = found["evaluated"]
    assert only["mean_iou"] == 1
    page = Page(Path(found["page"]))
    assert len(page.all("article")) == 5
    assert np.all([float(each["data-score"]) == 1 for each in page.all("article")])


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


LONELY = """
import time

from toolkit import Component, TrashError, hookimpl

inside = 0


def lonely(context):
    def step(probabilities, image):
        global inside
        inside += 1
        if inside > 1:
            raise TrashError("two whole maps at once")
        time.sleep(0.02)
        inside -= 1
        return probabilities

    return step


@hookimpl
def trash_postprocessors():
    return [Component("lonely", lonely, "Fails where it is called twice at once.")]
"""


def test_whole_maps_are_made_one_at_a_time(trained: Any, project: Project, capsys: Capture) -> None:
    (project.root / "plugins" / "lonely.py").write_text(LONELY)
    found = as_json(capsys, "evaluate", "tiny-001", "--post", "lonely")
    assert len(Page(Path(found["page"])).all("article")) == 6


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


def test_the_terminal_shows_scores_and_classes_then_the_page(
    trained: Any, project: Project, capsys: Capture
) -> None:
    capsys.readouterr()
    assert run(["evaluate", "tiny-001"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["metric", "score", "±"]
    assert lines[1].split()[:2] == [
        "mIoU",
        f"{trained['submission']['validation']['mean_iou']:.4f}",
    ]
    (heads,) = (line.split() for line in lines if line.startswith("class "))
    assert heads == ["class", "IoU", "±", "recall", "precision", "images"]
    assert lines[-1] == "reports/evaluation-tiny-001.html"


def test_a_report_of_what_is_no_run_leads_here(
    trained: Any, project: Project, capsys: Capture
) -> None:
    shutil.copy(project.runs / "tiny-001" / "best.pt", project.root / "mine.pt")
    for named in ("submissions/tiny-001.csv", "mine.pt"):
        errors = refused(capsys, "report", named)
        assert f"{named} is a file, and no run" in errors
        assert f"trash evaluate {named}" in errors
