from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workspaces import workspace_in
from toolkit.data.coco import read_coco
from toolkit.data.content_digests import photo_contents
from toolkit.data.contest import Contest, open_contest
from toolkit.data.folds import Folds, make_folds, write_folds
from toolkit.data.masks import open_masks
from toolkit.errors import UsageError
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.data_tables import Demo
from toolkit.recipe.schema import Data

QUIET = SilentProgress()
MakeContest = Callable[..., Contest]


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refusal_of(make_contest: MakeContest, **data: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        make_contest(**data)
    return caught.value


def test_splits_classes_and_paths(make_contest: MakeContest, data_root: Path) -> None:
    contest = make_contest()
    assert contest.class_names == ("Background", "metal", "paper", "glass")
    assert contest.test is not None
    assert [len(s) for s in (contest.train, contest.val, contest.test)] == [9, 4, 3]
    assert contest.truth is None
    assert contest.train.path(2) == data_root / "train" / "02.png"
    assert make_contest(test=None).test is None


def add_category(data_root: Path, names: tuple[str, ...], **category: Any) -> None:
    """Give files a category 0 without annotations."""
    for name in names:
        path = data_root / f"{name}.json"
        content = json.loads(path.read_text())
        content["categories"] = [{"id": 0, **category}, *content["categories"]]
        for each in content["categories"][1:]:
            each["supercategory"] = "trash"
        path.write_text(json.dumps(content))


def test_a_listed_background_shifts_no_label(make_contest: MakeContest, data_root: Path) -> None:
    names = make_contest().class_names
    add_category(data_root, ("train", "val", "test"), name="background")
    error = refusal_of(make_contest)
    assert "category 'background' would be label 1 beside label 0" in error.message
    classes = ("metal", "paper", "glass")
    assert f"data.classes = {json.dumps(classes)}" in error.hint
    contest = make_contest(classes=classes)
    assert contest.class_names == names
    assert contest.val.labels.label_of == {7: 2, 3: 1, 40: 3}
    (data_root / "val.json").write_text(
        (data_root / "val.json").read_text().replace('"category_id": 7', '"category_id": 0', 1)
    )
    assert "the categories are not those" in refusal_of(make_contest, classes=classes).message


def test_a_group_without_annotations_is_told(make_contest: MakeContest, data_root: Path) -> None:
    add_category(data_root, ("train", "val", "test"), name="trash")
    lines = Lines()
    data = Data(root=str(data_root), val="val.json")
    contest = open_contest(workspace_in(Project(data_root.parent), lines), data)
    assert contest.class_names[1] == "trash"
    assert len(lines.said) == 2
    assert "train.json: category 'trash' has no annotation" in lines.said[0]
    assert 'data.classes = ["metal", "paper", "glass"]' in lines.said[0]
    lines.said.clear()
    without = data.model_copy(update={"classes": ("metal", "paper", "glass")})
    contest = open_contest(workspace_in(Project(data_root.parent), lines), without)
    assert contest.class_names[1] == "metal"
    assert lines.said == []


def test_the_recipe_orders_the_classes(make_contest: MakeContest) -> None:
    contest = make_contest(classes=("paper", "metal", "glass"), background="none")
    assert contest.class_names == ("none", "paper", "metal", "glass")
    error = refusal_of(make_contest, classes=("paper", "metall", "glass"))
    assert "train.json: no category is called metall" in error.message
    assert "Did you mean metal?" in error.hint


def test_another_file_may_use_other_ids(
    make_contest: MakeContest, data_root: Path, cache: Path
) -> None:
    before = open_masks(make_contest().val, cache, None, QUIET)
    new_ids = {7: 0, 3: 1, 40: 2}

    def renumber(content: dict[str, Any]) -> None:
        for entry, key in (("categories", "id"), ("annotations", "category_id")):
            for item in content[entry]:
                item[key] = new_ids[item[key]]

    edit(data_root / "val.json", renumber)
    after = open_masks(make_contest().val, cache, None, QUIET)
    for index in range(4):
        np.testing.assert_array_equal(before[index], after[index])


@pytest.mark.parametrize("name", ["val", "test"])
def test_categories_must_agree_by_name(
    make_contest: MakeContest, data_root: Path, name: str
) -> None:
    edit(data_root / f"{name}.json", lambda content: content["categories"][0].update(name="card"))
    error = refusal_of(make_contest)
    assert f"{name}.json: the categories are not those of" in error.message
    assert error.hint == f"only in train.json: paper\nonly in {name}.json: card"


def test_a_test_file_may_list_images_only(make_contest: MakeContest, data_root: Path) -> None:
    edit(
        data_root / "test.json",
        lambda content: [content.pop("categories"), content.pop("annotations")],
    )
    test = make_contest().test
    assert test is not None
    assert test.labels.class_names == make_contest().class_names


def test_a_category_outside_the_list_is_refused(make_contest: MakeContest, data_root: Path) -> None:
    edit(data_root / "val.json", lambda content: content["annotations"][3].update(category_id=8))
    error = refusal_of(make_contest)
    assert "val.json: annotation 1011 of val/01.png has category_id 8" in error.message


def test_duplicates_are_refused(make_contest: MakeContest, data_root: Path) -> None:
    edit(data_root / "train.json", lambda content: content["images"][1].update(id=100))
    assert "images share the id 100" in refusal_of(make_contest).message
    edit(
        data_root / "train.json",
        lambda content: content["images"][1].update(id=105, file_name="train/./00.png"),
    )
    assert "images share the file_name train/00.png" in refusal_of(make_contest).message


def test_an_image_in_two_splits_is_refused(make_contest: MakeContest, data_root: Path) -> None:
    edit(
        data_root / "val.json",
        lambda content: content["images"][2].update(file_name="train/./07.png"),
    )
    error = refusal_of(make_contest)
    assert error.message == "1 image is in both train and val: train/07.png"


def test_missing_images_are_named_before_anything_is_read(
    make_contest: MakeContest, data_root: Path
) -> None:
    for row in range(7):
        (data_root / "train" / f"{row:02d}.png").unlink()
    error = refusal_of(make_contest)
    assert "7 of 9 image files are not under" in error.message
    assert "train/04.png and 2 more" in error.message


def test_missing_files_are_suggested(make_contest: MakeContest, data_root: Path) -> None:
    error = refusal_of(make_contest, val="vall.json")
    assert error.message == f"data.val: {data_root / 'vall.json'} not found"
    assert error.hint == "Did you mean val.json?"
    assert "There is no folder" in refusal_of(make_contest, train="x/train.json").hint
    assert "data.sample_submission" in refusal_of(make_contest, sample_submission="s.csv").message
    assert refusal_of(make_contest, val=None).message == "data.val is unset"


def test_the_truth_is_about_the_test_images(make_contest: MakeContest, data_root: Path) -> None:
    (data_root / "truth.json").write_text((data_root / "test.json").read_text())
    contest = make_contest(truth="truth.json")
    assert contest.truth is not None
    assert contest.test is not None
    assert contest.truth.file_names == contest.test.file_names
    assert "its images are not those of" in refusal_of(make_contest, truth="val.json").message


def test_the_ignore_index_is_no_label(make_contest: MakeContest) -> None:
    assert (
        "ignore_index = 3 is the label of glass" in refusal_of(make_contest, ignore_index=3).message
    )


class Lines(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_annotations_without_an_image_are_mentioned(data_root: Path) -> None:
    edit(data_root / "train.json", lambda content: content["annotations"][0].update(image_id=1))
    lines = Lines()
    open_contest(
        workspace_in(Project(data_root.parent), lines), Data(root="contest", val="val.json")
    )
    (line,) = lines.said
    assert "train.json: 1 annotation is of an image that it does not list" in line


def test_an_empty_file_is_refused(make_contest: MakeContest, data_root: Path) -> None:
    edit(data_root / "val.json", lambda content: content.update(images=[], annotations=[]))
    assert "val.json: no images" in refusal_of(make_contest).message


def test_paths_are_relative_to_the_project(data_root: Path) -> None:
    data = Data(root="contest", val="val.json")
    contest = open_contest(workspace_in(Project(data_root.parent), QUIET), data)
    assert contest.train.root == data_root


def test_real_contests_open(taco_root: Path, bags_root: Path, tmp_path: Path) -> None:
    project = Project(tmp_path)
    workspace = workspace_in(project)
    taco = open_contest(
        workspace,
        Data(
            root=str(taco_root),
            val="val.json",
            test="test.json",
            sample_submission="sample_submission.csv",
        ),
    )
    assert taco.test is not None
    assert (len(taco.class_names), len(taco.test)) == (12, 71)
    assert taco.class_names[1] == "UNKNOWN"
    bags = open_contest(workspace, Data(root=str(bags_root), val="val.json"))
    assert bags.class_names == ("Background", "general_trashbag", "other_trashbag")
    # Their image ids repeat between the files; that means nothing.
    assert {r.image_id for r in bags.train.images} & {r.image_id for r in bags.val.images}


def test_the_demo_is_written_when_the_recipe_asks_for_it(tmp_path: Path) -> None:
    data = Data(
        root="demo",
        val="val.json",
        test="test.json",
        truth="test_truth.json",
        sample_submission="sample_submission.csv",
        image_size=(48, 48),
        demo=Demo(train=4, val=2, test=2, size=48),
    )
    first = open_contest(workspace_in(Project(tmp_path), QUIET), data)
    assert (len(first.train), len(first.class_names)) == (4, 12)
    assert open_contest(workspace_in(Project(tmp_path), QUIET), data) == first


def copy_photo(data_root: Path, source: str, target: str) -> None:
    shutil.copy(data_root / source, data_root / target)


def test_a_validation_photo_that_is_trained_on_under_another_name_is_refused(
    make_contest: MakeContest, data_root: Path
) -> None:
    contest = make_contest()
    trained, validating = contest.train.file_names[2], contest.val.file_names[1]
    copy_photo(data_root, trained, validating)
    error = refusal_of(make_contest)
    assert "1 image of val is the same photo as one of train" in error.message
    assert f"{validating} (= {trained})" in error.message


def test_copies_in_two_folds_are_refused_with_the_way_out(
    make_contest: MakeContest, data_root: Path
) -> None:
    names = make_contest().train.file_names
    copy_photo(data_root, names[0], names[4])
    coco = read_coco(data_root / "train.json")
    rows = ((0, 1, 2, 3), (4, 5, 6, 7, 8))
    write_folds(data_root / "folds.json", Folds(rows), coco, 0)
    folds = {"file": str(data_root / "folds.json"), "index": 1}
    error = refusal_of(make_contest, val=None, folds=folds)
    assert f"{names[4]} (= {names[0]})" in error.message
    assert "trash data split" in error.hint
    contents = photo_contents(coco, data_root, data_root, QUIET)
    write_folds(data_root / "folds.json", make_folds(coco, 2, 0, contents), coco, 0, overwrite=True)
    make_contest(val=None, folds=folds)


def test_copies_among_the_test_images_are_said_aloud(data_root: Path) -> None:
    said: list[str] = []

    class Lines(SilentProgress):
        def say(self, text: str) -> None:
            said.append(text)

    data = Data(root=str(data_root), val="val.json", test="test.json")
    contest = open_contest(workspace_in(Project(data_root.parent), Lines()), data)
    assert contest.test is not None
    assert not said
    copy_photo(data_root, contest.train.file_names[0], contest.test.file_names[0])
    copy_photo(data_root, contest.val.file_names[0], contest.test.file_names[1])
    open_contest(workspace_in(Project(data_root.parent), Lines()), data)
    assert [line.split(":")[1] for line in said] == [
        " 1 test image is the same photo as one of train",
        " 1 test image is the same photo as one of val",
    ]
