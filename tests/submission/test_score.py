from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit import ComponentSpec, Context
from toolkit.data.labels import LabelMap
from toolkit.data.masks import paint_mask
from toolkit.data.resize import NEAREST_RULES
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.formats.mask_string import MaskString
from toolkit.metrics.confusion import Counting
from toolkit.plugin.interfaces import SubmissionFormat
from toolkit.plugin.kinds import Nearest
from toolkit.plugin.reader import Annotation, ImageRecord
from toolkit.plugin.registry import Registry
from toolkit.submission.score import count_submission, scores_of


def counted(path: Path, format_: SubmissionFormat, truth: Split) -> NDArray[np.int64]:
    counting = Counting(len(truth.labels.class_names), truth.ignore_index)
    return count_submission(path, format_, truth, counting)


FORMAT = MaskString((4, 4), ("image_id", "PredictionString"), 3)


def box(category_id: int, left: int, top: int, right: int, bottom: int) -> Annotation:
    polygon = [left, top, right, top, right, bottom, left, bottom]
    return Annotation(category_id, [list(map(float, polygon))], 0.0, False, 1)


@pytest.fixture
def truth() -> Split:
    return Split(
        name="truth",
        file=Path("truth.json"),
        root=Path(),
        images=(
            ImageRecord(1, "a.jpg", 8, 8, (box(5, 0, 0, 8, 4),)),
            ImageRecord(2, "b.jpg", 8, 8, (box(9, 0, 0, 4, 8), box(5, 0, 0, 2, 8))),
        ),
        labels=LabelMap(("Background", "Paper", "Glass"), {5: 1, 9: 2}),
        overlap="max-id",
        ignore_index=255,
        digest="",
    )


def targets() -> dict[str, NDArray[np.uint8]]:
    """What the boxes above look like at 4 × 4; the larger label wins."""
    a, b = np.zeros((2, 4, 4), np.uint8)
    a[:2] = 1
    b[:, :2] = 2
    return {"a.jpg": a, "b.jpg": b}


def write(path: Path, rows: dict[str, NDArray[np.uint8]]) -> Path:
    with path.open("wb") as file:
        FORMAT.write(file, rows.items())
    return path


def test_the_truth_scores_one(tmp_path: Path, truth: Split) -> None:
    result = scores_of(counted(write(tmp_path / "a.csv", targets()), FORMAT, truth), None)
    assert result.mean_iou == 1
    assert result.iou == (1, 1, 1)


def test_all_pixels_of_all_images_count_together(tmp_path: Path, truth: Split) -> None:
    rows = targets()
    rows["a.jpg"][1] = 0  # 4 of the 8 pixels of Paper
    rows["b.jpg"][0, 0] = 1
    result = scores_of(counted(write(tmp_path / "a.csv", rows), FORMAT, truth), None)
    assert result.iou == (16 / 20, 4 / 9, 7 / 8)
    assert result.accuracy == 27 / 32


def test_the_order_of_rows_does_not_matter(tmp_path: Path, truth: Split) -> None:
    rows = dict(reversed(targets().items()))
    counts = counted(write(tmp_path / "a.csv", rows), FORMAT, truth)
    assert scores_of(counts, None).mean_iou == 1


def test_a_missing_image_is_an_error(tmp_path: Path, truth: Split) -> None:
    path = write(tmp_path / "a.csv", {"a.jpg": targets()["a.jpg"]})
    with pytest.raises(UsageError, match=r"1 of 2 images has no row, b\.jpg the first"):
        scores_of(counted(path, FORMAT, truth), None)


def test_another_image_is_an_error(tmp_path: Path, truth: Split) -> None:
    rows = {**targets(), "bb.jpg": np.zeros((4, 4), np.uint8)}
    with pytest.raises(UsageError, match=r"bb\.jpg is not in truth\.json") as caught:
        scores_of(counted(write(tmp_path / "a.csv", rows), FORMAT, truth), None)
    assert caught.value.hint == "Did you mean b.jpg?"


def test_an_image_twice_is_an_error(tmp_path: Path, truth: Split) -> None:
    path = write(tmp_path / "a.csv", targets())
    path.write_bytes(path.read_bytes() + path.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(UsageError, match=r"a\.csv: a\.jpg has two rows") as caught:
        scores_of(counted(path, FORMAT, truth), None)
    assert not caught.value.hint


def test_a_broken_file_is_an_error(tmp_path: Path, truth: Split) -> None:
    path = write(tmp_path / "a.csv", targets())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UsageError, match="row 3: no line end"):
        scores_of(counted(path, FORMAT, truth), None)


@pytest.mark.parametrize("nearest", NEAREST_RULES)
def test_the_truth_gets_the_size_of_the_file_as_its_labels_did(
    nearest: Nearest, tmp_path: Path, truth: Split
) -> None:
    """Labels at native size that are right everywhere score 1 by either rule, and by it alone."""
    labels = LabelMap(("Background", "Paper", "Glass"), {5: 1, 9: 2})
    record = ImageRecord(1, "a.jpg", 9, 9, (box(5, 1, 2, 6, 8), box(9, 4, 4, 8, 7)))
    split = replace(truth, images=(record,))
    native = paint_mask(record, labels, "max-id", 255)
    found = {}
    for rule in NEAREST_RULES:
        format_ = MaskString((4, 4), ("image_id", "PredictionString"), 3, nearest=rule)
        path = tmp_path / f"{rule}.csv"
        with path.open("wb") as file:
            format_.write(file, [("a.jpg", native)])
        scored_as = replace(format_, nearest=nearest)
        found[rule] = scores_of(counted(path, scored_as, split), None).mean_iou
    assert found.pop(nearest) == 1
    assert max(found.values()) < 1


@pytest.mark.parametrize("name", ["mask_string", "run_length", "png_zip", "npz"])
def test_the_recipe_says_which_pixel_a_file_takes(
    name: str, tmp_path: Path, registry: Registry
) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (8, 12)).astype(np.uint8)
    context = Context(("Background", "Paper", "Glass"))
    for parameters, expected in (
        ({}, labels[::2, ::3]),
        ({"nearest": "corner"}, labels[::2, ::3]),
        ({"nearest": "centre"}, labels[1::2, 1::3]),
    ):
        spec = ComponentSpec(name=name, size=[4, 4], **parameters)
        format_ = registry.build("submission_format", spec, context)
        path = tmp_path / f"a{format_.suffix}"
        with path.open("wb") as file:
            format_.write(file, [("a.jpg", labels)])
        ((_, found),) = format_.read(path)
        np.testing.assert_array_equal(found, expected)
