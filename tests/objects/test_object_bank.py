from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.objects.object_bank_pieces import ALL, assert_holds, expected_objects, open_data
from tests.small_contests import MakeContest, square
from tests.workspaces import workspace_in
from toolkit.data.contest import open_contest
from toolkit.data.labels import LabelMap
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.objects.cutting import chosen_labels
from toolkit.objects.object_bank import (
    make_object_bank,
)
from toolkit.plugin.reader import Annotation, ImageRecord
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data, Objects


class Heard(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.parametrize("overlap", ["max-id", "area", "order"])
@pytest.mark.parametrize("by", ["annotation", "class"])
def test_a_bank_holds_what_is_seen_of_every_object(
    make_contest: MakeContest, tmp_path: Path, by: Any, overlap: str
) -> None:
    contest = make_contest(overlap=overlap)
    objects = Objects(classes=("metal", "glass"), by=by, min_area=30)
    bank = open_data(objects, contest, tmp_path)
    names = contest.class_names
    labels = {names.index("metal"), names.index("glass")}
    assert_holds(bank, expected_objects(contest.train, labels, by, 30))
    smaller = open_data(objects.model_copy(update={"min_area": 61}), contest, tmp_path)
    assert 0 < len(smaller) < len(bank)  # of covered squares 40 of 100 pixels are left
    assert_holds(smaller, expected_objects(contest.train, labels, by, 61))


@pytest.mark.parametrize("by", ["annotation", "class"])
def test_real_photos_of_many_sizes_are_cut_at_their_native_size(
    bags_root: Path, tmp_path: Path, by: Any
) -> None:
    data = Data(root=str(bags_root), val="val.json")
    contest = open_contest(workspace_in(Project(tmp_path)), data)
    sizes = [(record.height, record.width) for record in contest.train.images]
    rows = [sizes.index(size) for size in sorted(set(sizes))[:12]]
    contest = replace(contest, train=contest.train.part("train", rows))
    name = contest.class_names[2]
    bank = open_data(Objects(classes=(name,), by=by), contest, tmp_path)
    assert len({cut_out.source_size for cut_out in map(bank.__getitem__, range(len(bank)))}) > 3
    assert_holds(bank, expected_objects(contest.train, {2}, by, 400))


def test_regions_of_many_objects_are_no_objects(train_split: Split, tmp_path: Path) -> None:
    first, *rest = train_split.images
    crowds = tuple(replace(each, iscrowd=True) for each in first.annotations)
    train = replace(train_split, images=(replace(first, annotations=crowds), *rest))
    objects = Objects(classes=ALL, min_area=1)
    bank = make_object_bank(tmp_path / "bank", objects, train, SilentProgress())
    assert first.file_name not in {source.file_name for source in bank.index.sources}
    assert len(bank.index.sources) == len(rest)
    by_class = objects.model_copy(update={"by": "class"})
    bank = make_object_bank(tmp_path / "by class", by_class, train, SilentProgress())
    assert len(bank.index.sources) == len(train)


def split_of_counts(counts: dict[str, int]) -> Split:
    """A split of one image whose classes have so many annotations."""
    labels = {number: number + 1 for number in range(len(counts))}
    annotations = tuple(
        Annotation(number, square(0, 0, 4), 16, False, 0)
        for number, count in enumerate(counts.values())
        for _ in range(count)
    )
    return Split(
        name="train",
        file=Path("train.json"),
        root=Path(),
        images=(ImageRecord(0, "a.jpg", 8, 8, annotations),),
        labels=LabelMap(("Background", *counts), labels),
        overlap="max-id",
        ignore_index=255,
        digest="",
    )


CONTEST = {
    "UNKNOWN": 160,
    "General trash": 2782,
    "Paper": 9311,
    "Paper pack": 659,
    "Metal": 562,
    "Glass": 610,
    "Plastic": 3090,
    "Styrofoam": 1343,
    "Plastic bag": 7643,
    "Battery": 63,
    "Clothing": 177,
}


def test_the_rare_classes_of_the_contest_are_those_of_the_winning_team() -> None:
    assert chosen_labels(Objects(), split_of_counts(CONTEST)) == (4, 5, 6, 10, 11)
    assert chosen_labels(Objects(exclude=()), split_of_counts(CONTEST)) == (1, 4, 5, 6, 10, 11)
    without_metal = Objects(exclude=("Metal", "elsewhere"))
    assert chosen_labels(without_metal, split_of_counts(CONTEST)) == (1, 4, 6, 10, 11)


def test_chosen_classes_need_not_be_rare() -> None:
    chosen = Objects(classes=("UNKNOWN", "Paper", "Paper"))
    assert chosen_labels(chosen, split_of_counts(CONTEST)) == (1, 3)


@pytest.mark.parametrize("name", ["paper pack", "Background"])
def test_an_unknown_class_is_refused_with_the_nearest_one(name: str) -> None:
    with pytest.raises(UsageError, match=f"no class called {name}") as caught:
        chosen_labels(Objects(classes=(name,)), split_of_counts(CONTEST))
    assert caught.value.parameter == "objects.classes"
    assert name != "paper pack" or "Paper pack" in caught.value.hint


@pytest.mark.parametrize("objects", [Objects(), Objects(classes=())])
def test_balanced_classes_must_be_chosen_by_name(objects: Objects) -> None:
    with pytest.raises(UsageError, match="no class") as caught:
        chosen_labels(objects, split_of_counts({"paper": 5, "metal": 6}))
    assert caught.value.parameter == "objects.classes"
    assert "paper" in caught.value.hint
    assert "metal" in caught.value.hint


def test_a_class_without_large_objects_is_told_and_left_out(
    make_contest: MakeContest, tmp_path: Path
) -> None:
    heard = Heard()
    contest = make_contest(overlap="max-id")
    rows = [0, 3, 6]  # here the smallest label is covered in part
    contest = replace(contest, train=contest.train.part("train", rows))
    bank = open_data(Objects(classes=ALL, min_area=100), contest, tmp_path, heard)
    assert 0 < len(bank.labels) < 3
    (line,) = heard.lines
    for label, name in enumerate(contest.class_names[1:], 1):
        assert (name in line) is (label not in bank.labels)


def test_no_object_at_all_says_what_to_change(make_contest: MakeContest, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no object of 101 pixels") as caught:
        open_data(Objects(classes=ALL, min_area=101), make_contest(), tmp_path)
    assert caught.value.parameter == "objects"
    assert "largest has 100" in caught.value.hint
    assert "objects.min_area" in caught.value.hint
    assert not [path for path in (tmp_path / "cache" / "objects").iterdir() if path.is_dir()]
