from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.small_contests import MakeContest
from tests.workspaces import open_truth, workspace_in
from toolkit.data.contest import Contest, open_contest
from toolkit.data.masks import open_masks
from toolkit.errors import UsageError
from toolkit.objects.cutting import find_pieces
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.data_tables import FoldChoice
from toolkit.recipe.schema import Data

QUIET = SilentProgress()
NO_PIXEL: list[Any] = [
    [],
    None,
    [[1, 1], [5, 1], [5, 5]],
    [[1, 1, 5, 5]],
    [[1, 1, 2, 2, 3, 3]],
    [[40, 2, 60, 2, 60, 9]],
    {"size": [24, 32], "counts": [768]},
]


class Lines(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def empty_two(path: Path, segmentation: Any) -> None:
    """Take the pixels of the two annotations of the second image."""
    content = json.loads(path.read_text())
    for annotation in content["annotations"][2:4]:
        annotation["segmentation"] = segmentation
        if segmentation is None:
            del annotation["segmentation"]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("name", ["train", "val", "truth"])
@pytest.mark.parametrize("segmentation", NO_PIXEL)
def test_annotations_without_pixels_are_refused(
    make_contest: MakeContest, data_root: Path, name: str, segmentation: Any
) -> None:
    (data_root / "truth.json").write_text((data_root / "test.json").read_text())
    make_contest(truth="truth.json")
    path = data_root / f"{name}.json"
    empty_two(path, segmentation)
    with pytest.raises(UsageError) as caught:
        make_contest(truth="truth.json")
    folder = "test" if name == "truth" else name
    assert f"{path}: 2 of " in caught.value.message
    assert f"annotation 1010 of {folder}/01.png (" in caught.value.message
    assert "annotation 1011" in caught.value.message
    assert 'data.on_empty = "skip"' in caught.value.hint
    assert f"trash data check {path}" in caught.value.hint


def test_the_ones_of_folds_are_refused(
    make_contest: MakeContest, data_root: Path, tmp_path: Path
) -> None:
    from toolkit.data.coco import read_coco
    from toolkit.data.folds import make_folds, write_folds

    empty_two(data_root / "train.json", [])
    coco = read_coco(data_root / "train.json")
    write_folds(tmp_path / "folds.json", make_folds(coco, 3, 0), coco, 0)
    folds = FoldChoice(file=str(tmp_path / "folds.json"), index=1)
    with pytest.raises(UsageError, match="2 of 18 annotations cover no pixel"):
        make_contest(val=None, folds=folds)
    contest = make_contest(val=None, folds=folds, on_empty="skip")
    assert len(contest.train) + len(contest.val) == 9


def test_annotations_of_images_that_are_only_predicted_do_not_matter(
    make_contest: MakeContest, data_root: Path
) -> None:
    empty_two(data_root / "test.json", [])
    assert make_contest().test is not None


def skipping(data_root: Path, lines: Lines) -> Contest:
    data = Data(root=str(data_root), val="val.json", on_empty="skip")
    return open_contest(workspace_in(Project(data_root.parent), lines), data)


def test_skipped_ones_are_told_once_and_change_nothing_else(
    make_contest: MakeContest, data_root: Path, cache: Path
) -> None:
    whole = open_masks(make_contest().train, cache, None, QUIET)
    empty_two(data_root / "train.json", [])
    lines = Lines()
    train = skipping(data_root, lines).train
    (line,) = lines.said
    assert "train.json: 2 of 18 annotations cover no pixel" in line
    assert line.endswith("they are left out")
    masks = open_masks(train, cache, None, QUIET)
    for row in range(len(train)):
        np.testing.assert_array_equal(masks[row], 0 if row == 1 else whole[row])


def test_no_object_is_cut_out_of_a_skipped_one(data_root: Path) -> None:
    empty_two(data_root / "train.json", [])
    train = skipping(data_root, Lines()).train
    for by in ("annotation", "class"):
        assert {piece.row for piece in find_pieces(train, (1, 2, 3), by, QUIET)} == {
            0,
            *range(2, 9),
        }


@pytest.mark.parametrize("segmentation", NO_PIXEL)
def test_a_truth_without_pixels_scores_nothing(data_root: Path, segmentation: Any) -> None:
    empty_two(data_root / "test.json", segmentation)
    with pytest.raises(UsageError, match="2 of 6 annotations cover no pixel") as caught:
        open_truth(data_root / "test.json")
    assert "--on-empty skip" in caught.value.hint
    lines = Lines()
    split = open_truth(data_root / "test.json", Data(on_empty="skip"), lines)
    assert [len(record.annotations) for record in split.images] == [2, 0, 2]
    assert len(lines.said) == 1


def test_real_contests_hold_none(taco_root: Path, bags_root: Path) -> None:
    """One outline of the bags is smaller than a pixel, which is no mistake."""
    for root in (taco_root, bags_root):
        data = Data(root=str(root), val="val.json")
        assert open_contest(workspace_in(Project(root), QUIET), data).train.images


def test_repeated_annotation_ids_are_told(data_root: Path) -> None:
    path = data_root / "train.json"
    path.write_text(path.read_text().replace('"id": 1011,', '"id": 1000,'))
    lines = Lines()
    skipping(data_root, lines)
    (line,) = lines.said
    assert "annotations share the id 1000" in line


@pytest.mark.parametrize("on_empty", ["refuse", "skip"])
def test_a_wrong_width_is_told_before_the_outlines_that_it_leaves_outside(
    make_contest: MakeContest, data_root: Path, on_empty: str
) -> None:
    path = data_root / "train.json"
    content = json.loads(path.read_text())
    name, width = content["images"][1]["file_name"], content["images"][1]["width"]
    content["images"][1]["width"] = 2
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError) as caught:
        make_contest(on_empty=on_empty)
    assert f"{name}: the image is {width}x" in caught.value.message
    assert "annotation" not in caught.value.message.replace("annotation file", "")
    assert "on_empty" not in caught.value.hint
    # Without photos nobody can tell, so the outlines are told.
    (data_root / name).unlink()
    with pytest.raises(UsageError, match=r"cover no pixel|image files is not under"):
        make_contest(on_empty=on_empty)
