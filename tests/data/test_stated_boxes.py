from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from tests.small_contests import MakeContest
from tests.workspaces import open_truth, workspace_in
from toolkit.data.check import check_split
from toolkit.data.coco import read_coco
from toolkit.data.sources import AnnotationFile
from toolkit.data.stated_boxes import contradiction, doubtful_outlines
from toolkit.errors import UsageError
from toolkit.plugin.reader import Annotation, ImageRecord
from toolkit.progress import SilentProgress

QUIET = SilentProgress()
HEIGHT, WIDTH = 24, 32


def box_mask(left: int, top: int, wide: int, tall: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[top : top + tall, left : left + wide] = 1
    return mask


def rle(mask: np.ndarray, order: str, *, packed: bool) -> dict[str, Any]:
    """RLE of a mask; order "F" as COCO wants it, "C" along the rows."""
    flat = mask.ravel(order=order)  # type: ignore[call-overload]
    if packed:
        counts = coco_mask.encode(np.asfortranarray(flat.reshape((HEIGHT, WIDTH), order="F")))
        return {"size": [HEIGHT, WIDTH], "counts": counts["counts"].decode()}
    ends = np.flatnonzero(np.diff(np.concatenate([[0], flat, [2]]))).tolist()
    return {"size": [HEIGHT, WIDTH], "counts": np.diff([0, *ends]).tolist()}


def about(segmentation: Any, bbox: Any, area: float = 0.0) -> str:
    annotation = Annotation(1, segmentation, area, False, 1, bbox)
    found = contradiction(ImageRecord(1, "a", WIDTH, HEIGHT), annotation)
    return found[0] if found else ""


OUTLINE = [[4, 3, 16, 3, 16, 9, 4, 9]]


@pytest.mark.parametrize(
    ("bbox", "area", "kind"),
    [
        ((4, 3, 12, 6), 72, ""),
        ((3.2, 2.1, 13.6, 7.9), 60, ""),
        (None, 0, ""),
        ((4, 3, 12, 6), 0, ""),
        ((4, 3, 12, 6), 120, ""),
        ((4, 3, 12, 6), 300, "outline contradicts area"),
        ((0, 3, 16, 9), 144, ""),  # some exporters state the area of the box
        ((4, 3, 12, 6), 20, "outline contradicts area"),
        ((40, 30, 120, 60), 72, "outline contradicts bbox"),
        ((3, 4, 6, 12), 72, "outline contradicts bbox"),
    ],
)
def test_what_is_stated_is_compared_with_the_outline(bbox: Any, area: float, kind: str) -> None:
    assert about(OUTLINE, bbox, area) == kind


@pytest.mark.parametrize("segmentation", [None, [], [[1, 2]], [[1, float("nan"), 3, 4, 5, 6]], "x"])
def test_outlines_without_a_pixel_have_no_box(segmentation: Any) -> None:
    assert about(segmentation, (4, 3, 12, 6), 72) == ""


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("box", [(4, 3, 12, 6), (0, 0, 9, 20), (20, 5, 12, 3)])
def test_rle_along_rows_are_known_by_their_box(box: Any, packed: bool) -> None:
    mask = box_mask(*box)
    assert about(rle(mask, "F", packed=packed), box) == ""
    assert about(rle(mask, "C", packed=packed), box) == "RLE along rows"
    np.testing.assert_array_equal(coco_mask.decode(_packed(rle(mask, "F", packed=False))), mask)


def _packed(plain: dict[str, Any]) -> Any:
    return coco_mask.frPyObjects(plain, HEIGHT, WIDTH)


def as_rle(path: Path, order: str) -> None:
    """Write every outline of a file as an RLE."""
    content = json.loads(path.read_text())
    for annotation in content["annotations"]:
        left, top, wide, tall = annotation["bbox"]
        mask = box_mask(left, top, wide, tall)
        annotation["segmentation"] = rle(mask, order, packed=annotation["id"] % 2 == 0)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("name", ["train", "val"])
def test_a_run_refuses_rle_along_rows(
    make_contest: MakeContest, data_root: Path, name: str
) -> None:
    as_rle(data_root / f"{name}.json", "F")
    make_contest()
    as_rle(data_root / f"{name}.json", "C")
    with pytest.raises(UsageError, match=rf"{name}\.json: RLE that run along the rows") as caught:
        make_contest()
    assert "asfortranarray" in caught.value.hint


def test_scores_and_checks_do_too(data_root: Path) -> None:
    path = data_root / "test.json"
    as_rle(path, "C")
    with pytest.raises(UsageError, match="RLE that run along the rows"):
        open_truth(path)
    report = check_split(workspace_in(), AnnotationFile("train", path, data_root))
    assert len(report.by_kind()["RLE along rows"]) == 6
    assert report.has_errors


def test_outlines_of_another_size_are_told(
    data_root: Path, change: Callable[[Path, Callable[[Any], None]], None]
) -> None:
    def shrink(annotation: Any) -> None:
        annotation["segmentation"] = [[value / 4 for value in annotation["segmentation"][0]]]

    path = data_root / "train.json"
    assert doubtful_outlines(read_coco(path)) == ""
    change(path, shrink)
    said = doubtful_outlines(read_coco(path))
    assert said.startswith("the outlines of 18 of 18 annotations are elsewhere than their bbox")
    report = check_split(workspace_in(), AnnotationFile("train", path, data_root))
    assert len(report.by_kind()["outline contradicts bbox"]) == 18
    assert not report.has_errors


@pytest.fixture
def change() -> Callable[[Path, Callable[[Any], None]], None]:
    def apply(path: Path, edit: Callable[[Any], None]) -> None:
        content = json.loads(path.read_text())
        for annotation in content["annotations"]:
            edit(annotation)
        path.write_text(json.dumps(content))

    return apply


def test_boxes_that_are_none_do_not_matter(make_contest: MakeContest, data_root: Path) -> None:
    content = json.loads((data_root / "train.json").read_text())
    odd = [None, [], [1, 2, 3], "x", [1, 2, "3", 4], [0, 0, 0, 0], [1, 2, True, 4], {"x": 1}, 7]
    for annotation, box in zip(content["annotations"], odd, strict=False):
        annotation["bbox"] = box
    (data_root / "train.json").write_text(json.dumps(content))
    coco = make_contest().train
    assert [item.bbox for record in coco.images[:4] for item in record.annotations] == [None] * 8


def test_real_files_contradict_themselves_nowhere_but_once(
    taco_root: Path, bags_root: Path
) -> None:
    found = []
    for root in (taco_root, bags_root):
        for name in ("train", "val"):
            coco = read_coco(root / f"{name}.json")
            assert doubtful_outlines(coco) == ""
            found += [
                kind
                for record in coco.images
                for annotation in record.annotations
                if (kind := contradiction(record, annotation))
            ]
    assert [kind for kind, _ in found] == ["outline contradicts area"]
