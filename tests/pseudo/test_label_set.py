from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_labels import CLASSES, ORIGIN, files_of, random_predictions, record

from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.pseudo.label_set import LabelSet, open_label_set, read_label_index

SELECT = (
    {"name": "agreement", "level": "image", "least": 0.5},
    {"name": "threshold", "least": 0.8},
)


@pytest.fixture
def label_set(split: Split, tmp_path: Path) -> LabelSet:
    found = record(split, tmp_path / "sets" / "key", *SELECT, soft=True)
    assert 0 < len(found) < len(split)  # the tests mean something
    return found


def test_a_set_holds_what_was_selected(label_set: LabelSet, split: Split) -> None:
    position = 0
    for row, each in enumerate(random_predictions(split)):
        image = label_set.index.images[row]
        labels = each.probabilities.argmax(axis=0)
        sure = each.probabilities.max(axis=0)
        np.testing.assert_array_equal(label_set.predicted[row], labels)
        assert image.file_name == each.file_name
        assert image.size == labels.shape
        assert image.confidence == pytest.approx(sure.mean(), abs=1e-5)
        assert image.foreground_confidence == pytest.approx(sure[labels > 0].mean(), abs=1e-5)
        assert image.agreement == pytest.approx(each.agreement.mean(), abs=1e-5)
        if each.agreement.mean() < 0.5:
            assert image.rejected_by == "agreement"
            assert image.trusted == 0
            continue
        assert image.is_selected
        assert image.trusted == pytest.approx((sure >= 0.8).mean(), abs=1e-5)
        assert label_set.file_names[position] == each.file_name
        assert label_set.sizes[position] == labels.shape
        np.testing.assert_array_equal(label_set.masks[position], np.where(sure >= 0.8, labels, 255))
        assert label_set.maps is not None
        np.testing.assert_allclose(
            label_set.maps.read(position), each.probabilities, atol=0.5 / 255 * 3
        )
        position += 1
    assert position == len(label_set) == len(label_set.masks)


def test_pixels_are_counted_per_class(label_set: LabelSet, split: Split) -> None:
    predicted = np.zeros(len(CLASSES), int)
    trusted = np.zeros(len(CLASSES), int)
    for each in random_predictions(split):
        labels = each.probabilities.argmax(axis=0)
        predicted += np.bincount(labels.ravel(), minlength=3)
        if each.agreement.mean() >= 0.5:
            sure = each.probabilities.max(axis=0) >= 0.8
            trusted += np.bincount(labels[sure], minlength=3)
    assert label_set.index.predicted == tuple(predicted)
    assert label_set.index.trusted == tuple(trusted)
    np.testing.assert_array_equal(label_set.masks.pixel_counts, trusted)


def test_an_opened_set_is_the_one_that_was_written(label_set: LabelSet) -> None:
    again = open_label_set(label_set.folder)
    assert again.index == label_set.index
    assert again.index.origin == ORIGIN
    assert again.index.teachers == ("a", "b@hflip")
    assert again.class_names == CLASSES
    content = json.loads((label_set.folder / "index.json").read_text())
    assert (content["schema"], content["version"]) == ("trash-pseudo", 1)


def test_a_set_without_soft_labels_has_no_maps(split: Split, tmp_path: Path) -> None:
    found = record(split, tmp_path / "hard", *SELECT)
    assert found.maps is None
    assert sorted(files_of(found.folder)) == ["index.json", "labels.bin"]


def test_the_same_predictions_give_the_same_bytes(split: Split, tmp_path: Path) -> None:
    first = record(split, tmp_path / "first", *SELECT, soft=True)
    second = record(split, tmp_path / "second", *SELECT, soft=True)
    assert files_of(first.folder) == files_of(second.folder)


def _read_all(folder: Path) -> None:
    maps = open_label_set(folder).maps
    assert maps is not None
    for position in range(len(maps)):
        maps.read(position)


@pytest.mark.parametrize("name", ["labels.bin", "maps/maps.bin"])
@pytest.mark.parametrize("damage", ["missing", "cut", "zeros", "longer"])
def test_damage_is_found(label_set: LabelSet, name: str, damage: str) -> None:
    path = label_set.folder / name
    data = path.read_bytes()
    middle = len(data) // 2
    path.unlink()
    if damage == "cut":
        path.write_bytes(data[:-1])
    elif damage == "zeros":
        path.write_bytes(data[:middle] + bytes(200) + data[middle + 200 :])
    elif damage == "longer":
        path.write_bytes(data + b"\0")
    with pytest.raises(TrashError, match="damaged") as caught:
        _read_all(label_set.folder)
    assert "Delete that folder" in caught.value.hint


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("schema", "trash-store", "not an index of a pseudo-label set"),
        ("version", 99, "of version 99; this is version 1"),
        ("checksum", None, "checksum"),
        ("class_names", ["Background"], "do not fit"),
        ("extra", 1, "extra"),
        ("images", [{"file_name": "a"}], r"images\.0\.size"),
        ("ignore_index", 300, "ignore_index"),
    ],
)
def test_a_wrong_value_in_the_index_is_named(
    label_set: LabelSet, key: str, value: object, message: str
) -> None:
    path = label_set.folder / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(TrashError, match=rf"damaged: index\.json:? .*{message}"):
        open_label_set(label_set.folder)


def test_an_index_that_was_edited_does_not_fit_its_labels(label_set: LabelSet) -> None:
    path = label_set.folder / "index.json"
    content = json.loads(path.read_text())
    del content["images"][0]
    path.write_text(json.dumps(content))
    with pytest.raises(TrashError, match=r"labels\.bin is not what was written"):
        open_label_set(label_set.folder)
    path.write_text("{")
    with pytest.raises(TrashError, match=r"index\.json"):
        read_label_index(label_set.folder)


def test_maps_of_another_set_are_refused(label_set: LabelSet, split: Split, tmp_path: Path) -> None:
    other = record(split, tmp_path / "other", soft=True)
    shutil.rmtree(label_set.folder / "maps")
    shutil.copytree(other.folder / "maps", label_set.folder / "maps")
    with pytest.raises(TrashError, match="maps is about other images"):
        open_label_set(label_set.folder)


def test_what_is_no_set_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no pseudo-label set"):
        open_label_set(tmp_path / "nothing")
    with pytest.raises(UsageError, match="is not a pseudo-label set"):
        open_label_set(tmp_path)


def test_classes_of_the_index_are_those_of_the_split(split: Split, tmp_path: Path) -> None:
    assert record(split, tmp_path / "x").index.class_names == split.labels.class_names
    moved = replace(split, root=tmp_path / "elsewhere")
    assert record(moved, tmp_path / "y").index.root == str(tmp_path / "elsewhere")
