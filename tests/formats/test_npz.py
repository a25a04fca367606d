from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.npz import Npz
from toolkit.submission.check import check_submission

Rows = Sequence[tuple[str, NDArray[np.uint8]]]
FORMAT = Npz((2, 3), 3)
LABELS = np.array([[0, 1, 2], [2, 2, 0]], np.uint8)


def write(path: Path, rows: Rows, format_: Npz = FORMAT) -> Path:
    with path.open("wb") as file:
        format_.write(file, rows)
    return path


def read(path: Path) -> list[tuple[str, Any]]:
    return [(image_id, labels.tolist()) for image_id, labels in FORMAT.read(path)]


def test_numpy_loads_what_is_written(tmp_path: Path) -> None:
    ids = ["batch_01/0001.jpg", "", "ünï,\"'\n", "\udcff"]
    rows = [(image_id, np.roll(LABELS, i)) for i, image_id in enumerate(ids)]
    path = write(tmp_path / "a.npz", iter(rows))
    with np.load(path) as arrays:
        assert sorted(arrays) == ["ids", "labels"]
        assert arrays["ids"].tolist() == ids
        assert arrays["labels"].dtype == np.uint8
        np.testing.assert_array_equal(arrays["labels"], [labels for _, labels in rows])
    assert read(path) == [(image_id, labels.tolist()) for image_id, labels in rows]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_saves_is_read(tmp_path: Path, save: Any) -> None:
    path = tmp_path / "a.npz"
    save(path, labels=np.stack([LABELS, LABELS]), ids=["b.jpg", "a.jpg"], more=np.zeros(3))
    assert read(path) == [("b.jpg", LABELS.tolist()), ("a.jpg", LABELS.tolist())]


def test_a_file_without_images(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.npz", [])) == []


def test_an_id_that_numpy_would_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="NUL"):
        write(tmp_path / "a.npz", [("a\0", LABELS)])


MAPS, IDS = np.stack([LABELS, LABELS]), np.array(["a.jpg", "b.jpg"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"arr_0": MAPS}, "there is no array called ids; the file holds arr_0"),
        ({"ids": IDS}, "there is no array called labels; the file holds ids"),
        ({"ids": np.array([b"a"]), "labels": MAPS}, "ids: |S1 (1,); expected one text per image"),
        ({"ids": IDS[None], "labels": MAPS}, "ids: <U5 (1, 2); expected one text per image"),
        ({"ids": IDS, "labels": MAPS.astype(int)}, "labels: <i8 2 × 2 × 3; expected |u1 (uint8)"),
        ({"ids": IDS, "labels": MAPS[:1]}, "labels: |u1 1 × 2 × 3; expected |u1 (uint8) 2 × 2 × 3"),
        ({"ids": IDS, "labels": np.zeros((2, 3, 2), np.uint8)}, "|u1 2 × 3 × 2; expected"),
        ({"ids": IDS, "labels": np.asfortranarray(MAPS)}, "not an array of numbers or texts in C"),
        ({"ids": np.array([{}], object), "labels": MAPS}, "ids: |O (1,); expected one text"),
        (
            {"ids": IDS, "labels": np.stack([LABELS, np.full((2, 3), 110, np.uint8)])},
            "row 2, label 1, b.jpg: label 110 is outside the 3 classes (0…2); 5 more like it",
        ),
    ],
)
def test_says_what_is_wrong_with_the_arrays(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **arrays)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message


def test_a_file_that_is_cut_off_or_no_zip_is_a_message(tmp_path: Path) -> None:
    path = write(tmp_path / "a.npz", [("a.jpg", LABELS)])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UsageError, match=r"a\.npz: damaged zip file"):
        read(path)
    with pytest.raises(UsageError, match="cannot read the submission"):
        read(tmp_path / "gone.npz")


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    stored = io.BytesIO()
    np.savez(stored, ids=IDS, labels=MAPS)
    data = bytearray(stored.getvalue())
    data[data.index(MAPS.tobytes()) + 1] = 2
    path = tmp_path / "a.npz"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="Bad CRC-32"):
        read(path)


def test_the_check_tells_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    maps = np.stack([np.full((2, 3), 9, np.uint8), LABELS, np.full((2, 3), 3, np.uint8)])
    np.savez(path, ids=["a.jpg", "b.jpg", "b.jpg"], labels=maps)
    report = check_submission(path, FORMAT, ["a.jpg", "b.jpg", "c.jpg"], 3)
    assert [str(problem) for problem in report.problems] == [
        "row 1, label 1, a.jpg: label 9 is outside the 3 classes (0…2); 5 more like it in this row",
        "row 3, label 1, b.jpg: label 3 is outside the 3 classes (0…2); 5 more like it in this row",
        "row 3, b.jpg: the image is already in row 2",
        "1 of 3 images has no row: c.jpg",
    ]
