from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_labels
from numpy.typing import NDArray
from tiny_labels import CLASSES, files_of, make, make_recipe, make_registry, write_teacher

from toolkit import Component, Prediction
from toolkit.data.images import read_image
from toolkit.data.split import Split
from toolkit.ensemble.combiners import Mean
from toolkit.errors import TrashError, UsageError
from toolkit.plugin.registry import Entry
from toolkit.postprocess.chain import Chain
from toolkit.predict.member import load_member
from toolkit.predict.members import MemberRef
from toolkit.predict.predictor import predict_split
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.pseudo.exchange import export_label_set, make_label_set_from_file
from toolkit.pseudo.make import Predictions, context_of
from toolkit.workspace import Workspace

IGNORED = 255


def member_maps(teachers: list[MemberRef], split: Split, home: Path) -> list[list[Any]]:
    """Maps by image and teacher, predicted apart from the set."""
    import torch

    stores = [
        predict_split(
            load_member(each.path, make_registry(), torch.device("cpu"), each.views),
            split,
            cache=home / "apart",
            store="f32",
            progress=SilentProgress(),
        )
        for each in teachers
    ]
    return [[store.read(row) for store in stores] for row in range(len(split))]


def test_a_set_is_what_the_teachers_say_together(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    teachers[1] = MemberRef(teachers[1].path, "hflip")
    ensemble = {"name": "mean", "weights": [0.5, 0.2, 0.3]}
    found = make(
        teachers, split, tmp_path, ensemble=ensemble, select=[{"name": "threshold", "least": 0.6}]
    )
    assert len(found) == len(split)
    n_ignored = 0
    for row, maps in enumerate(member_maps(teachers, split, tmp_path)):
        mean = sum(weight * each for weight, each in zip((0.5, 0.2, 0.3), maps, strict=True))
        labels = np.where(mean.max(axis=0) >= 0.6, mean.argmax(axis=0), IGNORED)
        clear = abs(mean.max(axis=0) - 0.6) > 1e-5
        np.testing.assert_array_equal(found.masks[row][clear], labels[clear])
        n_ignored += np.count_nonzero(labels == IGNORED)
    assert n_ignored > 50  # the comparison means something


def test_agreement_is_the_share_of_teachers_with_the_label_of_all(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    seen = {}

    def watch(prediction: Prediction) -> NDArray[np.uint8]:
        seen[prediction.file_name] = prediction.agreement.copy()
        labels: NDArray[np.uint8] = prediction.probabilities.argmax(axis=0).astype(np.uint8)
        return labels

    entry = Entry("selector", Component("watch", lambda context: watch, "watches"), "test")
    make(teachers, split, tmp_path, make_registry(entry), select=[{"name": "watch"}])
    values = set()
    for name, maps in zip(split.file_names, member_maps(teachers, split, tmp_path), strict=True):
        labels = np.mean(maps, axis=0).argmax(axis=0)
        for place in np.ndindex(labels.shape):
            votes = [each[(slice(None), *place)].argmax() == labels[place] for each in maps]
            assert seen[name][place] == np.float32(sum(votes)) / np.float32(3)
            values.add(sum(votes))
    assert values >= {1, 2, 3}  # the comparison means something

    make(teachers[:1], split, tmp_path, make_registry(entry), "one", select=[{"name": "watch"}])
    assert all((agreement == 1).all() for agreement in seen.values())


def test_agreement_is_about_the_labels_after_postprocessing(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    def all_glass(maps: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.float32]:
        glass = np.zeros_like(maps)
        glass[2] = 1
        return glass

    entry = Entry("postprocessor", Component("glass", lambda context: all_glass, "glass"), "test")
    found = make(
        teachers,
        split,
        tmp_path,
        make_registry(entry),
        postprocess=[{"name": "glass"}],
        select=[{"name": "agreement", "level": "pixel"}],
    )
    for row, maps in enumerate(member_maps(teachers, split, tmp_path)):
        glass = np.all([each.argmax(axis=0) == 2 for each in maps], axis=0)
        if split.file_names[row] in found.file_names:
            mask = found.masks[found.file_names.index(split.file_names[row])]
            np.testing.assert_array_equal(mask == 2, glass)
        else:
            assert not glass.any()


def test_postprocessors_see_the_photo(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    seen = []

    def watch(maps: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen.append(image)
        return maps

    entry = Entry("postprocessor", Component("watch", lambda context: watch, "watches"), "test")
    make(teachers, split, tmp_path, make_registry(entry), postprocess=[{"name": "watch"}])
    for row, image in enumerate(seen):
        np.testing.assert_array_equal(image, read_image(split.path(row), split.images[row]))


def test_every_image_is_observed_before_the_first_is_selected(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    events = []

    class Both:
        def observe(self, prediction: Prediction) -> None:
            events.append(f"observe {prediction.file_name}")

        def __call__(self, prediction: Prediction) -> NDArray[np.uint8]:
            events.append(f"select {prediction.file_name}")
            labels: NDArray[np.uint8] = prediction.probabilities.argmax(axis=0).astype(np.uint8)
            return labels

    entry = Entry("selector", Component("both", lambda context: Both(), "both"), "test")
    make(teachers, split, tmp_path, make_registry(entry), select=[{"name": "both"}])
    names = split.file_names
    assert events == [f"{what} {name}" for what in ("observe", "select") for name in names]


def test_a_set_that_is_there_is_opened_and_nothing_is_done(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    first = make(teachers, split, tmp_path)
    again = make([MemberRef(tmp_path / "gone.pt")], split, tmp_path)
    assert again.index == first.index


def test_soft_labels_are_the_combined_maps_of_the_selected_images(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("test/4.png\ntest/1.png\n")
    found = make(
        teachers, split, tmp_path, soft=True, select=[{"name": "file_list", "file": str(names)}]
    )
    assert found.file_names == ("test/1.png", "test/4.png")
    assert found.maps is not None
    assert found.maps.sizes == found.sizes == (split_size(split, 1), split_size(split, 4))
    maps = member_maps(teachers, split, tmp_path)
    for position, row in enumerate((1, 4)):
        np.testing.assert_allclose(
            found.maps.read(position), np.mean(maps[row], axis=0), atol=0.5 / 255 * 3
        )


def split_size(split: Split, row: int) -> tuple[int, int]:
    return split.images[row].height, split.images[row].width


def test_nothing_selected_says_why_and_leaves_nothing(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("test/0.png\ntest/1.png\n")
    select = [
        {"name": "file_list", "file": str(names), "mode": "drop"},
        {"name": "threshold", "least": 1.0},
    ]
    with pytest.raises(TrashError, match="none of 6 images was selected") as caught:
        make(teachers, split, tmp_path, select=select)
    assert "threshold rejected 4, file_list rejected 2" in caught.value.message
    means = [
        np.mean(maps, axis=0).max(axis=0).mean() for maps in member_maps(teachers, split, tmp_path)
    ]
    figures = f"mean confidence: {min(means):.3f} … {max(means):.3f}"
    assert figures in caught.value.message
    assert f"half of the images above {np.median(means):.3f}" in caught.value.message
    assert "agreement of the teachers" in caught.value.message
    assert caught.value.parameter == "pseudo.select"
    assert list((tmp_path / "pseudo").glob("key*/")) == []
    assert len(make(teachers, split, tmp_path, select=select[:1])) == 4


def test_what_does_not_fit_is_told_before_anything_is_predicted(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    other = write_teacher(tmp_path / "other.pt", 5, (*CLASSES, "Sky"))
    turned = write_teacher(tmp_path / "turned.pt", 5, CLASSES[::-1])
    names = tmp_path / "names.txt"
    names.write_text("test/11.png\n")
    cases: list[tuple[str, list[MemberRef], dict[str, Any]]] = [
        ("also has Sky", [*teachers, other], {}),
        ("another order", [turned], {}),
        ("no checkpoint", [], {}),
        ("gone", [MemberRef(tmp_path / "gone.pt")], {}),
        ("3 members, but 2 weights", teachers, {"ensemble": {"name": "mean", "weights": [1, 1]}}),
        ("treshold", teachers, {"select": [{"name": "treshold"}]}),
        ("Papr", teachers, {"select": [{"name": "threshold", "per_class": {"Papr": 0.3}}]}),
        (r"lists test/11\.png", teachers, {"select": [{"name": "file_list", "file": str(names)}]}),
        ("min_aria", teachers, {"postprocess": [{"name": "min_aria"}]}),
    ]
    for message, members, pseudo in cases:
        with pytest.raises(UsageError, match=message):
            make(members, split, tmp_path, **pseudo)
    assert not (tmp_path / "stores").exists()
    assert not (tmp_path / "pseudo").exists()


def test_a_combination_that_is_no_probability_map_is_refused(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    entry = Entry(
        "ensembler", Component("sum", lambda context: lambda maps: sum(maps), "no mean"), "test"
    )
    with pytest.raises(TrashError, match=r"test/0\.png: the combined probabilities do not sum"):
        make(teachers, split, tmp_path, make_registry(entry), ensemble={"name": "sum"})


@pytest.mark.parametrize("limit", [1, 4])
def test_a_killed_process_leaves_no_half_set_and_the_next_one_the_same_bytes(
    teachers: list[MemberRef], split: Split, tmp_path: Path, limit: int
) -> None:
    command = [sys.executable, tiny_labels.__file__, str(tmp_path)]
    killed = subprocess.run([*command, str(limit)], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    folder = tmp_path / "pseudo" / "key"
    assert not folder.exists()
    assert folder.with_name("key.partial").exists()
    predicted = sorted((tmp_path / "stores").iterdir())
    assert len(predicted) == 2

    subprocess.run([*command, "0"], check=True)
    again = files_of(folder)
    assert sorted((tmp_path / "stores").iterdir()) == predicted
    assert [path.name for path in folder.parent.iterdir()] == ["key"]
    whole = make(teachers[:2], split, tmp_path, name="whole", soft=True)
    assert files_of(whole.folder) == again


class _Counted:
    """Maps of many large images, made when they are read and counted as long as they live."""

    alive = 0
    most = 0

    def __init__(self, split: Split) -> None:
        self.class_names = CLASSES
        self.file_names = split.file_names
        self.sizes = tuple((record.height, record.width) for record in split.images)

    def read(self, position: int) -> NDArray[np.float32]:
        import weakref

        maps = np.full((len(CLASSES), *self.sizes[position]), 1 / 3, np.float32)
        _Counted.alive += 1
        _Counted.most = max(_Counted.most, _Counted.alive)
        weakref.finalize(maps, _Counted._died)
        return maps

    @staticmethod
    def _died() -> None:
        _Counted.alive -= 1


@pytest.mark.parametrize("n_teachers", [2, 7])
def test_no_more_maps_are_in_memory_than_for_one_image_and_one_teacher(
    split: Split, n_teachers: int
) -> None:
    _Counted.alive = _Counted.most = 0
    predictions: Iterator[Prediction] = iter(
        Predictions([_Counted(split)] * n_teachers, split, Mean(), Chain(()))
    )
    for _ in predictions:
        pass
    assert _Counted.most <= 2  # the one that is read, and the one before it


def test_progress_tells_what_is_going_on(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    said = []

    class Spy(SilentProgress):
        def say(self, text: str) -> None:
            said.append(text)

    select = [{"name": "threshold", "least": 0.6}]
    found = make(teachers, split, tmp_path, progress=Spy(), select=select)
    trusted = np.concatenate([found.masks[row].ravel() for row in range(len(found))]) != IGNORED
    assert said[-1] == (
        f"pseudo-labels: 6 of 6 images, {trusted.mean():.1%} of their pixels are trusted"
    )


def test_labels_can_go_through_a_submission_file(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    """The same as exporting a set and reading the file as `pseudo.labels`."""
    select = [{"name": "threshold", "least": 0.5}]
    plain = make(teachers, split, tmp_path, name="plain", select=select)
    found = make(teachers, split, tmp_path, name="found", select=select, as_submitted=True)
    everything = make(teachers, split, tmp_path, name="everything")
    context = context_of(split, make_recipe())
    format = make_registry().build("submission_format", make_recipe().submission, context)
    csv = tmp_path / "labels.csv"
    export_label_set(everything, csv, format, SilentProgress())
    recipe = make_recipe(labels=str(csv))
    assert recipe.pseudo is not None
    read = make_label_set_from_file(
        Workspace(Project(tmp_path), make_registry(), SilentProgress()),
        csv,
        split,
        recipe.pseudo,
        recipe,
        folder=tmp_path / "read",
        cache=tmp_path,
        origin={},
    )
    assert found.file_names == plain.file_names
    changed = 0
    for row, _ in enumerate(split.images):
        np.testing.assert_array_equal(found.predicted[row], read.predicted[row])
        changed += np.count_nonzero(found.predicted[row] != plain.predicted[row])
    for row in range(len(found)):
        doubtful = plain.masks[row] == IGNORED
        np.testing.assert_array_equal(found.masks[row] == IGNORED, doubtful)
        position = split.file_names.index(found.file_names[row])
        expected = np.where(doubtful, IGNORED, read.predicted[position])
        np.testing.assert_array_equal(found.masks[row], expected)
    assert changed > 20  # labels of 10 x 14 pixels
    assert found.index.checksum != plain.index.checksum


def test_soft_labels_do_not_go_through_a_file(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="holds no probabilities"):
        make(teachers, split, tmp_path, soft=True, as_submitted=True)
