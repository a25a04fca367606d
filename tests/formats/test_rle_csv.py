from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.workspaces import workspace_in
from toolkit.data.annotation_sets import read_annotations
from toolkit.data.contest import Contest, open_contest
from toolkit.data.masks import paint_mask
from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.reader import AnnotationSet
from toolkit.recipe.schema import Data

SIZE = (7, 9)


def runs_of(mask: NDArray[np.bool_], order: str = "F", first: int = 1) -> str:
    """Return "start length …" pixel by pixel."""
    found, before = [], False
    for number, inside in enumerate(mask.ravel(order).tolist(), start=first):  # type: ignore[call-overload]
        if inside and not before:
            found += [number, 0]
        if inside:
            found[-1] += 1
        before = inside
    return " ".join(map(str, found))


def write_photos(root: Path, names: list[str], size: tuple[int, int] = SIZE) -> None:
    for row, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shade = 20 * row + 10 + len(list((root / name).parent.iterdir()))
        Image.fromarray(np.full((*size, 3), shade, np.uint8)).save(root / name)


def random_masks(n: int) -> list[NDArray[np.bool_]]:
    rng = np.random.default_rng(0)
    return [rng.random(SIZE) < 0.4 for _ in range(n)]


def read(root: Path, classes: tuple[str, ...], labelled: bool = True, **f: Any) -> AnnotationSet:
    data = Data(format=ComponentSpec(name="rle_csv", **f), classes=classes)
    return read_annotations(workspace_in(), data, root / "train.csv", root, labelled=labelled)


@pytest.mark.parametrize("order", ["column-major", "row-major"])
@pytest.mark.parametrize("first", [0, 1])
def test_runs_are_the_pixels_of_the_photo(order: str, first: int, tmp_path: Path) -> None:
    """As TGS: one class, ids without ending, an empty row; other columns are passed over."""
    masks = random_masks(2)
    write_photos(tmp_path, ["images/a.png", "images/b.png", "images/c.png"])
    key = "F" if order == "column-major" else "C"
    rows = [f"{n},{runs_of(m, key, first)},5" for n, m in zip("ab", masks, strict=True)]
    (tmp_path / "train.csv").write_text("\n".join(["id,rle_mask,z", *rows, "c,,7", ""]))
    found = read(
        tmp_path,
        ("salt",),
        columns=["id", "rle_mask"],
        photos="images",
        order=order,
        first_pixel=first,
    )
    assert [record.file_name for record in found.images] == [
        "images/a.png",
        "images/b.png",
        "images/c.png",
    ]
    data = Data(classes=("salt",), format=ComponentSpec(name="rle_csv"))
    contest = open_salt(tmp_path, columns=["id", "rle_mask"], order=order, first_pixel=first)
    assert contest.class_names == ("Background", "salt")
    train = contest.train
    painted = [paint_mask(r, train.labels, data.overlap, 255) for r in train.images]
    for mask, expected in zip(painted, [*masks, np.zeros(SIZE, bool)], strict=True):
        assert mask.tolist() == expected.astype(int).tolist()


def open_salt(root: Path, **format_: Any) -> Contest:
    write_photos(root, ["images/v.png"])
    (root / "val.csv").write_text("id,rle_mask\nv,1 3\n")
    spec = ComponentSpec(name="rle_csv", photos="images", **format_)
    data = Data(root=str(root), train="train.csv", val="val.csv", classes=("salt",), format=spec)
    return open_contest(workspace_in(), data)


def test_several_rows_of_an_image_are_several_objects(tmp_path: Path) -> None:
    """As Airbus: a row for each ship; they follow each other or not."""
    write_photos(tmp_path, ["a.jpg", "b.jpg"])
    rows = ["a.jpg,1 2", "b.jpg,-1", "a.jpg,10 3 20 1"]
    (tmp_path / "train.csv").write_text("\n".join(["ImageId,EncodedPixels", *rows]))
    found = read(tmp_path, ("ship",), empty="-1")
    assert [len(record.annotations) for record in found.images] == [2, 0]
    unlabelled = read(tmp_path, ("ship",), labelled=False, empty="-1")
    assert [record.file_name for record in unlabelled.images] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("header", "names", "settings"),
    [
        ("ImageId_ClassId,EncodedPixels", ["a.jpg_2", "a.jpg_1"], ["{image}_{label}", "{pixels}"]),
        ("id,class,segmentation", ["a,Glass", "a,Paper"], ["{image}", "{class}", "{pixels}"]),
        ("ImageId,ClassId,Pixels", ["a.jpg,2", "a.jpg,1"], ["{image}", "{label}", "{pixels}"]),
    ],
)
def test_classes_are_named_or_numbered(
    header: str, names: list[str], settings: list[str], tmp_path: Path
) -> None:
    write_photos(tmp_path, ["a.jpg"])
    rows = [f"{name},{runs}" for name, runs in zip(names, ["1 5", "20 2"], strict=True)]
    (tmp_path / "train.csv").write_text("\n".join([header, *rows]))
    found = read(tmp_path, ("Paper", "Glass"), columns=header.split(","), cells=settings)
    assert [each.category_id for each in found.images[0].annotations] == [2, 1]
    assert [category.name for category in found.categories] == ["Paper", "Glass"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a.jpg,1 2 2 4"], "line 2 (a.jpg): the run begins at 2, but the one before ends at 2"),
        (["a.jpg,62 3"], "line 2 (a.jpg): the run from 62 of 3 pixels ends outside the map"),
        (["a.jpg,0 3"], "line 2 (a.jpg): the run begins at 0, outside the pixels 1…63"),
        (["a.jpg,1 2 3"], "line 2 (a.jpg): 3 numbers: the last start has no length"),
        (["a.jpg,1 x"], "line 2 (a.jpg): 'x' is not a number"),
        (["a.jpg,1 2,3"], "1 row has more or fewer fields than the header: line 2"),
        (["a.jpg"], "1 row has more or fewer fields than the header: line 2"),
        (["a.jpg,5 0"], "line 2 (a.jpg): the run has no pixels"),
        (["a.jpg,1 2", "aa.jpg,"], "1 of 2 photos is not below"),
    ],
)
def test_wrong_rows_are_named(rows: list[str], message: str, tmp_path: Path) -> None:
    write_photos(tmp_path, ["a.jpg"])
    (tmp_path / "train.csv").write_text("\n".join(["ImageId,EncodedPixels", *rows]))
    with pytest.raises(UsageError) as caught:
        read(tmp_path, ("ship",))
    assert message in caught.value.message
    assert "train.csv" in caught.value.message


def test_wrong_columns_and_classes_are_named(tmp_path: Path) -> None:
    write_photos(tmp_path, ["a.jpg"])
    (tmp_path / "train.csv").write_text("Image,EncodedPixels,Class\na.jpg,1 2,Papr\n")
    with pytest.raises(UsageError, match="there is no column 'ImageId'") as caught:
        read(tmp_path, ("ship",))
    assert "Did you mean Image?" in caught.value.hint
    columns = {"columns": ["Image", "EncodedPixels", "Class"]}
    cells = ["{image}", "{pixels}", "{class}"]
    with pytest.raises(
        UsageError, match=r"line 2: field 3: there is no class 'Papr'\. Did you mean"
    ):
        read(tmp_path, ("Paper", "Glass"), **columns, cells=cells)
    with pytest.raises(UsageError, match=r"train\.csv: the cells must have \{label\} or \{class\}"):
        read(tmp_path, ("Paper", "Glass"), columns=["Image", "EncodedPixels"])
    with pytest.raises(UsageError, match="nothing says which classes its rows have"):
        read(tmp_path, (), columns=["Image", "EncodedPixels"])


def test_runs_may_be_longer_than_a_csv_field_usually_is(tmp_path: Path) -> None:
    """Python's limit is 131,072 characters."""
    mask = np.zeros((300, 300), bool)
    mask[::2] = True
    write_photos(tmp_path, ["a.png"], mask.shape)
    runs = runs_of(mask)
    assert len(runs) > 2**17
    (tmp_path / "train.csv").write_text(f"ImageId,EncodedPixels\na,{runs}\n")
    found = read(tmp_path, ("salt",))
    counts = found.images[0].annotations[0].segmentation["counts"]
    assert sum(counts[1::2]) == mask.sum()
