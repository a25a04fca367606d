from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tiny_labels import CLASSES, ORIGIN, make, make_recipe, make_registry, record, write_split

from toolkit import Component, ComponentSpec
from toolkit.data.resize import Sampling
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.formats.mask_string import MaskString
from toolkit.plugin.interfaces import SubmissionFormat
from toolkit.plugin.registry import Entry, Registry
from toolkit.predict.members import MemberRef
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.pseudo.exchange import export_label_set, make_label_set_from_file
from toolkit.pseudo.label_set import LabelSet
from toolkit.workspace import Workspace

SIZE = (10, 14)
COLUMNS = ("image_id", "PredictionString")
FORMAT = MaskString(SIZE, COLUMNS, len(CLASSES))


class Spy(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def load(
    path: Path,
    split: Split,
    home: Path,
    name: str = "key",
    registry: Registry | None = None,
    progress: SilentProgress | None = None,
    **pseudo: Any,
) -> LabelSet:
    recipe = make_recipe(labels=str(path), **pseudo)
    assert recipe.pseudo is not None
    return make_label_set_from_file(
        Workspace(Project(home), registry or make_registry(), progress or SilentProgress()),
        path,
        split,
        recipe.pseudo,
        recipe,
        folder=home / "pseudo" / name,
        cache=home / "cache",
        origin=ORIGIN,
    )


def random_rows(split: Split, names: tuple[str, ...]) -> dict[str, NDArray[np.uint8]]:
    rng = np.random.default_rng(3)
    return {name: rng.integers(0, len(CLASSES), SIZE, dtype=np.uint8) for name in names}


def write(path: Path, rows: dict[str, NDArray[np.uint8]]) -> Path:
    with path.open("wb") as file:
        FORMAT.write(file, rows.items())
    return path


def test_a_file_with_a_part_of_the_images_becomes_a_set(split: Split, tmp_path: Path) -> None:
    names = ("test/4.png", "test/0.png", "test/2.png")  # not in the order of the split
    rows = random_rows(split, names)
    spy = Spy()
    found = load(write(tmp_path / "a.csv", rows), split, tmp_path, progress=spy)
    assert found.file_names == ("test/0.png", "test/2.png", "test/4.png")
    for position, name in enumerate(found.file_names):
        height, width = found.sizes[position]
        expected = Sampling(SIZE).restore(rows[name], (height, width))
        np.testing.assert_array_equal(found.masks[position], expected)
    left_out = [image for image in found.index.images if not image.is_selected]
    assert {image.rejected_by for image in left_out} == {"lack of a prediction"}
    assert all(image.confidence is None for image in left_out)
    assert all(image.confidence == 1 for image in found.index.selected)
    expected_warnings = [
        "a.csv holds labels of whole images at 10 × 14 and no confidences: every pixel counts as "
        "sure",
        "3 of 6 images have no row",
    ]
    assert spy.said[:2] == [f"warning: {text}" for text in expected_warnings]
    assert list(found.index.warnings) == expected_warnings
    assert list((tmp_path / "cache").iterdir()) == []


def test_labels_of_a_file_are_selected_and_postprocessed_like_predictions(
    split: Split, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", random_rows(split, split.file_names))
    (tmp_path / "names.txt").write_text("test/1.png\ntest/3.png\n")
    chosen = load(
        path, split, tmp_path, select=[{"name": "file_list", "file": str(tmp_path / "names.txt")}]
    )
    assert chosen.file_names == ("test/1.png", "test/3.png")
    sure = load(path, split, tmp_path, "sure", select=[{"name": "threshold", "least": 1.0}])
    assert sum(sure.index.trusted) == sum(height * width for height, width in sure.sizes)
    smooth = load(
        path,
        split,
        tmp_path,
        "smooth",
        postprocess=[{"name": "smooth"}],
        select=[{"name": "threshold", "least": 0.8}],
    )
    assert 0 < sum(smooth.index.trusted) < sum(sure.index.trusted)


def test_export_writes_the_selected_images_with_their_most_probable_labels(
    teachers: list[MemberRef], split: Split, tmp_path: Path
) -> None:
    (tmp_path / "names.txt").write_text("test/1.png\n")
    select = [
        {"name": "file_list", "file": str(tmp_path / "names.txt"), "mode": "drop"},
        {"name": "threshold", "least": 0.6},
    ]
    label_set = make(teachers, split, tmp_path, select=select)
    everything = make(teachers, split, tmp_path, name="everything")
    lost = export_label_set(label_set, tmp_path / "a.csv", FORMAT, SilentProgress())
    rows = dict(FORMAT.read(tmp_path / "a.csv"))
    assert tuple(rows) == label_set.file_names
    for position, name in enumerate(everything.file_names):
        if name != "test/1.png":
            mask = everything.masks[position]
            expected = Sampling(SIZE)(mask)
            np.testing.assert_array_equal(rows[name], expected)
    n_pixels = sum(height * width for height, width in label_set.sizes)
    doubtful = 1 - sum(label_set.index.trusted) / n_pixels
    assert doubtful > 0.05
    assert lost == (
        "the file holds no confidences",
        f"{doubtful:.1%} of the pixels are not trusted; in the file they have their most probable "
        "label like all others",
        "1 rejected image has no row",
        "the labels of 5 images are resized to 10 × 14",
    )


def test_a_set_of_whole_multiples_of_the_size_goes_round_unchanged(tmp_path: Path) -> None:
    split = write_split(tmp_path / "data", ((20, 28), (10, 14), (30, 42)))
    path = write(tmp_path / "a.csv", random_rows(split, split.file_names))
    first = load(path, split, tmp_path)
    export_label_set(first, tmp_path / "b.csv", FORMAT, SilentProgress())
    assert (tmp_path / "b.csv").read_bytes() == path.read_bytes()
    second = load(tmp_path / "b.csv", split, tmp_path, "again")
    for position in range(3):
        np.testing.assert_array_equal(first.masks[position], second.masks[position])


def _line(name: str, labels: str = " ".join(["1"] * 140)) -> str:
    return f"{name},{labels}\n"


HEADER = "image_id,PredictionString\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + _line("test/0.png") + _line("test/7.png"), r"image 2, test/7\.png: not one of"),
        (
            HEADER + _line("test/0.png") + _line("test/1.png") + _line("test/0.png"),
            r"image 3, test/0\.png: it was image 1 already",
        ),
        (HEADER + _line("test/0.png", "1 2"), r"row 2, .*test/0\.png: 2 labels"),
        (HEADER + _line("test/0.png", " ".join(["3"] * 140)), "row 2, label 1"),
        (HEADER + _line("test/0.png")[:-30], "row 2"),
        ("id,labels\n" + _line("test/0.png"), "the header is"),
        (HEADER, "no row of an image"),
        ("", "the file is empty"),
    ],
)
def test_a_broken_file_is_refused_with_its_row(
    split: Split, tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load(path, split, tmp_path)
    assert not (tmp_path / "pseudo").exists()
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_unknown_image_names_the_nearest(split: Split, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + _line("tests/0.png"))
    with pytest.raises(UsageError) as caught:
        load(tmp_path / "a.csv", split, tmp_path)
    assert "test/0.png" in caught.value.hint


class Careless:
    """A format of a plugin that checks nothing."""

    suffix, size = ".csv", SIZE

    def __init__(self, labels: NDArray[np.uint8]) -> None:
        self._labels = labels

    def write(self, target: Any, rows: Any) -> None:
        target.write(b"%d" % len(list(rows)))

    def read(self, path: Path) -> Any:
        yield "test/0.png", self._labels


@pytest.mark.parametrize("labels", [np.zeros((9, 14), np.uint8), np.full(SIZE, 3, np.uint8)])
def test_what_a_format_returns_is_checked(
    split: Split, tmp_path: Path, labels: NDArray[np.uint8]
) -> None:
    path = tmp_path / "a.csv"
    path.touch()
    careless: SubmissionFormat = Careless(labels)
    entry = Entry(
        "submission_format", Component("careless", lambda context: careless, "careless"), "test"
    )
    recipe = make_recipe().model_copy(update={"submission": ComponentSpec(name="careless")})
    assert recipe.pseudo is not None
    with pytest.raises(UsageError, match=r"image 1, test/0\.png: expected 10 × 14 labels below 3"):
        make_label_set_from_file(
            Workspace(Project(tmp_path), make_registry(entry), SilentProgress()),
            path,
            split,
            recipe.pseudo,
            recipe,
            folder=tmp_path / "key",
            cache=tmp_path,
            origin={},
        )


def test_a_file_that_the_format_cannot_read_back_is_not_kept(split: Split, tmp_path: Path) -> None:
    label_set = record(split, tmp_path / "set")
    with pytest.raises(TrashError, match="is not valid"):
        export_label_set(
            label_set, tmp_path / "a.csv", Careless(np.zeros((9, 14), np.uint8)), SilentProgress()
        )
    assert not (tmp_path / "a.csv").exists()


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_as_what_it_says(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        split = write_split(home / "data", ((8, 9), (7, 5)))
        path = write(home / "a.csv", random_rows(split, split.file_names))
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(content) - 1))
            kind = data.draw(st.sampled_from(["byte", "cut", "insert", "double"]))
            if kind == "byte":
                content[place] = data.draw(st.sampled_from(b'0123 ,\n\r"x\xff'))
            elif kind == "cut":
                del content[place : place + data.draw(st.integers(1, 400))]
            elif kind == "insert":
                content[place:place] = data.draw(st.binary(min_size=1, max_size=4))
            else:
                content[place:place] = content[place : place + 300]
            if not content:
                break
        path.write_bytes(content)
        try:
            read = list(FORMAT.read(path))
        except UsageError:
            read = []
        rows = dict(read)
        if not rows or len(rows) < len(read) or set(rows) - set(split.file_names):
            with pytest.raises(UsageError, match=re.escape(str(path))):
                load(path, split, home)
            assert not (home / "pseudo").exists()
            return
        found = load(path, split, home)
        assert set(found.file_names) == set(rows)
        for position, image in enumerate(found.file_names):
            height, width = found.sizes[position]
            expected = Sampling(SIZE).restore(rows[image], (height, width))
            np.testing.assert_array_equal(found.masks[position], expected)
