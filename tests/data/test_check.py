from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.workspaces import workspace_in
from toolkit.data.check import DataReport, check_contest, check_split
from toolkit.data.contest import open_contest
from toolkit.data.masks import paint_mask
from toolkit.data.sources import AnnotationFile, find_sources
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data

QUIET = SilentProgress()


def check(root: Path, name: str = "train", role: str = "train") -> DataReport:
    return check_split(workspace_in(), AnnotationFile(role, root / f"{name}.json", root))


@pytest.fixture
def edit(data_root: Path) -> Callable[[Callable[[dict[str, Any]], Any]], None]:
    def apply(change: Callable[[dict[str, Any]], Any]) -> None:
        path = data_root / "train.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return apply


Edit = Callable[[Callable[[dict[str, Any]], Any]], None]


def problems_of(report: DataReport, kind: str) -> list[tuple[str, bool]]:
    return [(problem.where, problem.error) for problem in report.by_kind().get(kind, [])]


def test_a_clean_split_has_no_problems(data_root: Path) -> None:
    report = check(data_root)
    assert report.problems == ()
    assert not report.has_errors
    assert (report.n_images, report.n_annotations) == (9, 18)
    assert [item.name for item in report.classes] == ["Background", "metal", "paper", "glass"]
    assert [item.annotations for item in report.classes] == [0, 6, 6, 6]
    assert [item.images for item in report.classes] == [0, 6, 6, 6]
    assert sum(item.pixel_share for item in report.classes) == pytest.approx(1)
    # Two squares of 10 x 10 shifted by 4 cover 10 x 14 of the 24 x 32 pixels.
    assert report.classes[0].pixel_share == pytest.approx(1 - 140 / (24 * 32))


def test_broken_images_are_told_apart(data_root: Path) -> None:
    folder = data_root / "train"
    (folder / "01.png").unlink()
    (folder / "02.png").write_bytes((folder / "02.png").read_bytes()[:200])
    (folder / "03.png").write_bytes(b"hello")
    cv2.imwrite(str(folder / "04.png"), np.zeros((32, 24, 3), np.uint8))
    shutil.copy(folder / "05.png", folder / "06.png")
    report = check(data_root)
    assert problems_of(report, "missing image") == [("train/01.png", True)]
    assert problems_of(report, "unreadable image") == [
        ("train/02.png", True),
        ("train/03.png", True),
    ]
    assert problems_of(report, "image of another size") == [("train/04.png", True)]
    assert problems_of(report, "identical images") == [("train/06.png", False)]
    assert len(report.problems) == 5
    (size,) = report.by_kind()["image of another size"]
    assert size.detail == "the image is 24x32 pixels, the annotation file says 32x24"


@pytest.mark.parametrize(
    ("segmentation", "kind", "detail", "error"),
    [
        ([[1, 2, 3, 4]], "bad polygon", "fewer than 3 points", True),
        ([[1, 2, 3, 4, 5]], "bad polygon", "odd number", True),
        ([[50, 50, 60, 50, 60, 60]], "bad polygon", "outside the image", True),
        ([[1, 1, 2, 2, 3, 3]], "bad polygon", "zero area", True),
        ([[1, 1, math.nan, 2, 3, 3]], "bad polygon", "NaN", True),
        ([[1, 1, 60, 2, 3, 8]], "polygon leaves the image", "x 1…60", False),
        ({"size": [32, 24], "counts": [768]}, "bad RLE", "size [height, width]", True),
        ({"size": [24, 32], "counts": [5]}, "bad RLE", "add up to 5", True),
        ([], "no outline", "missing or empty", True),
    ],
)
def test_bad_outlines_are_reported_and_the_rest_counted(
    data_root: Path, edit: Edit, segmentation: Any, kind: str, detail: str, error: bool
) -> None:
    edit(lambda content: content["annotations"][4].update(segmentation=segmentation, bbox=None))
    report = check(data_root)
    (problem,) = report.problems
    assert (problem.kind, problem.where, problem.error) == (kind, "train/02.png", error)
    assert problem.detail.startswith("annotation 1020: ")
    assert detail in problem.detail
    assert sum(item.pixel_share for item in report.classes) == pytest.approx(1)
    assert report.has_errors is error


def test_unknown_and_duplicate_ids_are_reported(data_root: Path, edit: Edit) -> None:
    def change(content: dict[str, Any]) -> None:
        content["annotations"][0]["category_id"] = 99
        content["annotations"][1]["image_id"] = 99
        content["annotations"][2]["id"] = content["annotations"][3]["id"]
        content["images"].append({**content["images"][8], "file_name": "train/07.png"})

    edit(change)
    report = check(data_root)
    assert problems_of(report, "unknown category") == [("train/00.png", True)]
    assert problems_of(report, "unknown image") == [("annotation 1001", True)]
    assert problems_of(report, "duplicate annotation id") == [("annotation 1011", False)]
    assert problems_of(report, "duplicate image id") == [("image 140", True)]
    assert problems_of(report, "duplicate file_name") == [("train/07.png", True)]
    assert report.n_annotations == 18


def test_empty_categories_and_images_are_no_errors(data_root: Path, edit: Edit) -> None:
    edit(
        lambda content: content.update(
            annotations=[a for a in content["annotations"] if a["category_id"] != 7][2:]
        )
    )
    report = check(data_root)
    assert problems_of(report, "empty category") == [("paper", False)]
    assert problems_of(report, "image without annotations") == [("train/00.png", False)]
    assert not report.has_errors


def test_bad_category_lists_are_reported(data_root: Path, edit: Edit) -> None:
    edit(lambda content: content["categories"][0].update(name="metal"))
    report = check(data_root)
    assert [p.detail for p in report.by_kind()["bad categories"]] == [
        "categories share the name metal"
    ]
    assert report.classes == ()


def test_a_file_that_is_no_coco_file_is_one_problem(data_root: Path) -> None:
    (data_root / "train.json").write_text("{")
    report = check(data_root)
    (problem,) = report.problems
    assert problem.kind == "unreadable file"
    assert "not valid JSON" in problem.detail
    assert report.has_errors


def test_a_test_split_needs_no_annotations(data_root: Path) -> None:
    (data_root / "list.json").write_text(
        json.dumps({"images": json.loads((data_root / "test.json").read_text())["images"]})
    )
    assert check(data_root, "list", role="test").problems == ()
    assert check(data_root, "list").has_errors


def test_the_same_picture_in_two_splits_is_an_error(data_root: Path) -> None:
    shutil.copy(data_root / "train" / "03.png", data_root / "val" / "01.png")
    sources = [
        AnnotationFile(role, data_root / f"{role}.json", data_root)
        for role in ("train", "val", "test")
    ]
    train, val, test = check_contest(workspace_in(), sources)
    assert not train.problems
    assert not test.problems
    (problem,) = val.problems
    assert (problem.kind, problem.where) == ("image of two splits", "val/01.png")
    assert problem.detail == "same bytes as train/03.png of train.json"
    assert problem.error


def test_the_truth_shares_the_test_images(data_root: Path) -> None:
    sources = [
        AnnotationFile(role, data_root / "test.json", data_root) for role in ("test", "truth")
    ]
    assert not any(report.has_errors for report in check_contest(workspace_in(), sources))


def test_a_recipe_stands_for_its_files(tmp_path: Path) -> None:
    recipe = tmp_path / "recipes" / "a.toml"
    recipe.parent.mkdir()
    recipe.write_text(
        'model.name = "unet"\nloss.name = "ce"\n[data]\nroot = "d"\nval = "v.json"\n'
        'test = "t.json"\nbackground = "none"\n'
    )
    root = tmp_path / "d"
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y.json").write_text("{}")
    contest, alone = find_sources([recipe, tmp_path / "x" / "y.json"], Project(tmp_path), None)
    data = Data(root="d", val="v.json", test="t.json", background="none")
    assert contest == [
        AnnotationFile("train", root / "train.json", root, data),
        AnnotationFile("val", root / "v.json", root, data),
        AnnotationFile("test", root / "t.json", root, data),
    ]
    assert [(s.file, s.root) for s in alone] == [(tmp_path / "x" / "y.json", tmp_path / "x")]


@pytest.mark.parametrize("reason", [[], [[2, 2], [9, 2], [9, 9]], [[40, 2, 60, 2, 60, 9]]])
def test_annotations_without_pixels_are_what_the_recipe_makes_of_them(
    data_root: Path, edit: Edit, reason: Any
) -> None:
    edit(lambda content: content["annotations"][4].update(segmentation=reason))
    file = data_root / "train.json"
    refusing = check_split(
        workspace_in(), AnnotationFile("train", file, data_root, Data(on_empty="refuse"))
    )
    skipping = check_split(
        workspace_in(), AnnotationFile("train", file, data_root, Data(on_empty="skip"))
    )
    (refused,), (skipped,) = refusing.problems, skipping.problems
    assert (refused.detail, refused.error) == (skipped.detail, not skipped.error)
    assert [item.annotations for item in skipping.classes] == [0, 6, 6, 5]


def test_labels_and_pixels_are_those_of_the_recipe(data_root: Path) -> None:
    """Two squares of 10 x 10 in each image overlap by 6 x 10: who wins them is the recipe's."""
    root, classes = data_root, ("glass", "paper", "metal")
    data = Data(root=str(root), val="val.json", classes=classes, overlap="order", background="no")
    sources = [AnnotationFile(role, root / f"{role}.json", root, data) for role in ("train", "val")]
    contest = open_contest(workspace_in(Project(root), QUIET), data)
    for report, split in zip(
        check_contest(workspace_in(), sources), (contest.train, contest.val), strict=True
    ):
        assert [item.name for item in report.classes] == ["no", *classes]
        painted = np.stack([paint_mask(each, split.labels, "order", 255) for each in split.images])
        shares = np.bincount(painted.ravel(), minlength=4) / painted.size
        assert [item.pixel_share for item in report.classes] == pytest.approx(shares.tolist())


def test_without_classes_the_others_are_numbered_as_the_training_split(data_root: Path) -> None:
    content = json.loads((data_root / "val.json").read_text())
    for entry, key in (("categories", "id"), ("annotations", "category_id")):
        for item in content[entry]:
            item[key] = {7: 0, 3: 1, 40: 2}[item[key]]
    (data_root / "val.json").write_text(json.dumps(content))
    sources = [
        AnnotationFile(role, data_root / f"{role}.json", data_root) for role in ("train", "val")
    ]
    train, val = check_contest(workspace_in(), sources)
    assert [item.name for item in train.classes] == [item.name for item in val.classes]


def test_a_part_without_pixels_is_no_error_beside_a_whole_one(data_root: Path, edit: Edit) -> None:
    def add(content: dict[str, Any]) -> None:
        content["annotations"][4]["segmentation"].append([1, 2, 3, 4])

    edit(add)
    assert problems_of(check(data_root), "bad polygon") == [("train/02.png", False)]


def test_real_data_has_no_errors(taco_root: Path) -> None:
    report = check(taco_root, "val")
    assert not report.has_errors
    assert report.n_images == 50
