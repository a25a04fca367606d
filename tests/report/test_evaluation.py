"""Checkpoints and submission files against a truth, through the command."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tests.report.evaluations import Capture, as_json, data_root, refused, trained
from tests.report.html_page import Page
from tests.tiny_project import project
from tests.workspaces import open_truth
from toolkit.cli.main import run
from toolkit.data.masks import paint_mask
from toolkit.formats.mask_string import MaskString
from toolkit.project import Project

__all__ = ["project", "trained"]


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
    truth = data_root(project) / "test_truth.json"
    file = "submissions/tiny-001.csv"
    (only,) = as_json(capsys, "evaluate", file, "--truth", str(truth))["evaluated"]
    split = open_truth(truth)
    names = split.labels.class_names
    submitted = dict(
        MaskString((16, 16), ("image_id", "PredictionString"), len(names)).read(project.root / file)
    )
    pairs = [
        (paint_mask(each, split.labels, split.overlap, 255)[::4, ::4], submitted[each.file_name])
        for each in split.images
    ]
    for label, name in enumerate(names):
        is_true = [right == label for right, _ in pairs]
        is_said = [found == label for _, found in pairs]
        both = sum(int((a & b).sum()) for a, b in zip(is_true, is_said, strict=True))
        n_true, n_said = (sum(int(each.sum()) for each in maps) for maps in (is_true, is_said))
        expected = {
            "pixels": n_true,
            "images": sum(bool(each.any()) for each in is_true),
            "missed_in": sum(
                bool(a.any() and not (a & b).any()) for a, b in zip(is_true, is_said, strict=True)
            ),
            "false_in": sum(
                bool(b.any() and not a.any()) for a, b in zip(is_true, is_said, strict=True)
            ),
            "recall": both / n_true if n_true else None,
            "precision": both / n_said if n_said else None,
        }
        assert {key: only["classes"][name][key] for key in expected} == expected


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
