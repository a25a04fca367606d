"""`data.exclude`: wrong labels count for nothing in training, and validation keeps its labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.mask_pieces import open_camvid
from tests.workspaces import workspace_in
from toolkit.cli.main import run
from toolkit.data.coco import read_coco
from toolkit.data.contest import Contest, open_contest
from toolkit.data.folds import Folds, write_folds
from toolkit.data.masks import open_masks, paint_mask
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data

MakeContest = Callable[..., Contest]
HEADER = "image,annotation,kind,label,suspected,doubt,left,top,width,height,area,verdict\n"
IGNORED = 255


def row(image: str, annotation: object, label: str, box: str, verdict: str = "wrong") -> str:
    return f"{image},{annotation},label,{label},metal,0.9000,{box},100,{verdict}\n"


def write_list(data_root: Path, *rows: str, header: str = HEADER) -> str:
    path = data_root.parent / "list.csv"
    path.write_text(header + "".join(rows), encoding="utf-8")
    return "list.csv"


def painted(split: Split, position: int) -> np.ndarray:
    record = split.images[position]
    return paint_mask(record, split.labels, split.overlap, split.ignore_index)


def test_an_annotation_counts_for_nothing_where_no_other_is(
    make_contest: MakeContest, data_root: Path, cache: Path
) -> None:
    before = make_contest().train
    # Image 0 has paper at 2…12 and metal at 6…16; of paper, the larger label, all is seen.
    exclude = write_list(
        data_root,
        row("train/00.png", 1000, "paper", "2,2,10,10"),
        row("train/01.png", 1010, "metal", "2,3,10,10", "right"),
        row("train/02.png", 1020, "glass", "2,4,10,10", ""),
    )
    after = make_contest(exclude=exclude).train
    expected = painted(before, 0)
    shown = expected == before.labels.class_names.index("paper")
    metal = np.zeros_like(shown)
    metal[2:12, 6:16] = True
    expected[shown] = IGNORED
    expected[metal] = before.labels.class_names.index("metal")
    assert np.array_equal(painted(after, 0), expected)
    for position in range(1, 9):
        assert np.array_equal(painted(after, position), painted(before, position))
    assert after.digest != before.digest
    masks = open_masks(after, cache, None, SilentProgress())
    assert np.array_equal(masks[0], expected)
    assert np.array_equal(open_masks(before, cache, None, SilentProgress())[0], painted(before, 0))


def test_a_box_of_background_counts_for_nothing(make_contest: MakeContest, data_root: Path) -> None:
    before = painted(make_contest().train, 3)
    exclude = write_list(data_root, row("train/03.png", "", "Background", "0,0,8,9"))
    expected = before.copy()
    expected[:9, :8][expected[:9, :8] == 0] = IGNORED
    assert (before[:9, :8] > 0).any()
    assert np.array_equal(painted(make_contest(exclude=exclude).train, 3), expected)


def test_validation_keeps_its_labels(make_contest: MakeContest, data_root: Path) -> None:
    before = make_contest()
    exclude = write_list(data_root, row("val/00.png", 1000, "paper", "2,2,10,10"))
    after = make_contest(exclude=exclude)
    assert after.val == before.val
    # Nothing of the training split is excluded: its trainings are found again.
    assert after.train == before.train


def in_folds(data_root: Path, exclude: str | None, index: int) -> Contest:
    data: dict[str, Any] = {"file": "folds.json", "index": index}
    folds = Folds((tuple(range(3)), tuple(range(3, 6)), tuple(range(6, 9))))
    path = data_root.parent / "folds.json"
    if not path.exists():
        write_folds(path, folds, read_coco(data_root / "train.json"), 0)
    recipe = Data.model_validate(
        {"root": str(data_root), "folds": data, "exclude": exclude, "image_size": (24, 32)}
    )
    return open_contest(workspace_in(Project(data_root.parent)), recipe)


def test_a_fold_excludes_from_its_training_part_alone(data_root: Path, cache: Path) -> None:
    exclude = write_list(data_root, row("train/00.png", 1000, "paper", "2,2,10,10"))
    held_out, trained = in_folds(data_root, exclude, 0), in_folds(data_root, exclude, 1)
    assert held_out.train == in_folds(data_root, None, 0).train
    assert trained.train.digest != in_folds(data_root, None, 1).train.digest
    for contest, has_it in ((held_out, False), (trained, True)):
        assert contest.train.contents == tuple(
            contest.train.source.contents[each] for each in contest.train.rows
        )
        # In both orders of painting: caches of one must not become those of the other.
        for split, ignores in ((contest.val, False), (contest.train, has_it)):
            masks = open_masks(split, cache, (24, 32), SilentProgress())
            found = [(masks[each] == IGNORED).any() for each in range(len(split))]
            assert any(found) == ignores


def test_a_region_of_a_mask_counts_for_nothing(camvid: Path) -> None:
    (camvid.parent / "list.csv").write_text(HEADER + row("train/a.png", "", "Car", "1,2,3,2"))
    before = open_camvid(camvid)
    after = open_camvid(camvid, exclude=str(camvid.parent / "list.csv"))
    expected = painted(before.train, 0)
    car = before.class_names.index("Car")
    inside = np.zeros_like(expected, np.bool_)
    inside[2:4, 1:4] = True
    assert 0 < np.count_nonzero(inside & (expected == car)) < np.count_nonzero(expected == car)
    expected[inside & (expected == car)] = IGNORED
    assert np.array_equal(painted(after.train, 0), expected)
    assert np.array_equal(painted(after.train, 1), painted(before.train, 1))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (row("train/0.png", 1000, "paper", "2,2,9,9"), "no image train/0.png", "train/0"),
        (row("train/00.png", 17, "paper", "2,2,9,9"), "has no annotation 17", "data suspects"),
        (row("train/00.png", 1000, "papr", "2,2,9,9"), "no class papr", "Did you mean paper?"),
        (row("train/00.png", 1000, "metal", "2,2,9,9"), "is paper by now, not metal", "correct"),
        (row("train/00.png", "", "paper", "2,2,9,9"), "without the id of its annot", "delete"),
        (row("train/00.png", "", "Background", "30,2,9,9"), "its box lies outside", "delete"),
        (row("train/00.png", 1000, "paper", "2,2,9,9", "wrogn"), "'wrogn'", "mean wrong?"),
        (row("train/00.png", "x", "paper", "2,2,9,9"), "line 2", "an id or empty"),
        (row("train/00.png", 1000, "paper", "2,2,0,9"), "line 2", "whole numbers"),
        (row("train/00.png", 1000, "paper", "2,,9,9"), "line 2", "whole numbers"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    make_contest: MakeContest, data_root: Path, text: str, message: str, hint: str
) -> None:
    exclude = write_list(data_root, text)
    with pytest.raises(UsageError) as caught:
        make_contest(exclude=exclude)
    assert "list.csv: 1 " in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_list_that_is_none_is_refused(make_contest: MakeContest, data_root: Path) -> None:
    with pytest.raises(UsageError, match=r"lst\.csv"):
        make_contest(exclude="lst.csv")
    exclude = write_list(data_root, header="image;annotation\n")
    with pytest.raises(UsageError, match="needs the columns image, annotation, label"):
        make_contest(exclude=exclude)
    empty = write_list(data_root)
    assert make_contest(exclude=empty).train == make_contest().train


def test_recipe_check_and_data_check_name_the_line(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(data_root.parent)
    Path("recipes").mkdir()
    Path("recipes/small.toml").write_text(
        f'[data]\nroot = "{data_root}"\nval = "val.json"\nexclude = "list.csv"\n'
        'image_size = [32, 32]\n[model]\nname = "unet"\nencoder = "resnet18"\nweights = "none"\n'
        '[loss]\nname = "ce"\n'
    )
    write_list(data_root, row("val/00.png", 1000, "paper", "2,2,10,10"))
    assert run(["recipe", "check", "small"]) == 0
    assert run(["data", "check", "small", "--json"]) == 0
    capsys.readouterr()
    write_list(data_root, row("train/00.png", 17, "paper", "2,2,10,10"))
    assert run(["recipe", "check", "small"]) == 2
    told = capsys.readouterr().err
    assert "small.toml:4" in told
    assert "line 2: train/00.png has no annotation 17" in " ".join(told.split())
    assert run(["data", "check", "small", "--json"]) == 2
    reports = json.loads(capsys.readouterr().out)
    assert reports[0]["counts"]["unusable list of labels"] == 1
