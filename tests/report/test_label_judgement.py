"""Objects are judged by the maps as an obvious loop over pixels does it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.data.labels import LabelMap
from toolkit.data.masks import paint_mask
from toolkit.data.split import Split
from toolkit.plugin.reader import Annotation, ImageRecord, MaskFile, MaskTable
from toolkit.predict.store import ProbabilityStore, StoreIndex
from toolkit.progress import SilentProgress
from toolkit.report.label_judgement import JudgedImage, LabelJudgement, judge_labels

LABELS = LabelMap(("Background", "paper", "metal"), {5: 1, 9: 2})
HEIGHT, WIDTH = 40, 48


def box(number: int, category: int, x: int, y: int, w: int, h: int, **other: bool) -> Annotation:
    corners = [x, y, x + w, y, x + w, y + h, x, y + h]
    return Annotation(category, [[float(each) for each in corners]], 0.0, False, number, **other)


ANNOTATIONS = (
    box(11, 5, 2, 2, 12, 10),
    box(12, 9, 8, 6, 12, 10),  # hides a part of 11
    box(13, 5, 9, 7, 4, 4),  # hidden by 12
    box(14, 9, 20, 38, 1, 1),  # too small for the network
    box(15, 5, 30, 2, 9, 9, ignored=True),
    box(16, 9, 4, 24, 9, 9),
)


def split_of(record: ImageRecord, root: Path) -> Split:
    return Split("val", root / "val.json", root, (record,), LABELS, "max-id", 255, "")


@pytest.fixture
def split(tmp_path: Path) -> Split:
    return split_of(ImageRecord(1, "a.png", WIDTH, HEIGHT, ANNOTATIONS), tmp_path)


def store_of(folder: Path, probabilities: NDArray[np.float32]) -> ProbabilityStore:
    folder.mkdir()
    (folder / "maps.bin").write_bytes(probabilities.astype("<f4").tobytes())
    size = (probabilities.shape[1], probabilities.shape[2])
    return ProbabilityStore(folder, StoreIndex(LABELS.class_names, ("a.png",), (size,), "f32", {}))


def probabilities(seed: int) -> NDArray[np.float32]:
    """Smooth maps that are sure of an object at the right, which nobody labelled."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (3, HEIGHT // 8, WIDTH // 8))
    logits = np.kron(coarse, np.ones((8, 8)))
    logits[0] += 1
    logits[2, 20:40, 26:46] += 9
    maps = np.exp(logits) / np.exp(logits).sum(0)
    return maps.astype(np.float32)


def judged(split: Split, *stores: ProbabilityStore) -> LabelJudgement:
    image = JudgedImage(split, 0, tuple((each, 0) for each in stores), (20, 24))
    return judge_labels([image], SilentProgress())


def average(maps: NDArray[np.float32], pixels: list[tuple[int, int]]) -> list[float]:
    return [sum(float(plane[at]) for at in pixels) / len(pixels) for plane in maps]


def test_objects_are_the_means_of_their_pixels_that_are_seen(split: Split, tmp_path: Path) -> None:
    maps = [probabilities(1), probabilities(2)]
    found = judged(split, *(store_of(tmp_path / str(n), each) for n, each in enumerate(maps)))
    mean = (maps[0] + maps[1]) / 2
    mask = paint_mask(split.images[0], LABELS, "max-id", 255)
    objects = {each.number: each for each in found.samples if each.label > 0}
    assert sorted(objects) == [0, 1, 5]
    assert found.n_unseen == 2  # one hidden, one too small
    places = {0: (2, 2, 12, 10), 1: (8, 6, 12, 10), 5: (4, 24, 9, 9)}
    for number, (x, y, w, h) in places.items():
        label = LABELS.label_of[ANNOTATIONS[number].category_id]
        pixels = [
            (row, column)
            for row in range(y, y + h)
            for column in range(x, x + w)
            if mask[row, column] == label
        ]
        sample = objects[number]
        assert (sample.label, sample.area) == (label, len(pixels))
        assert sample.mean.tolist() == pytest.approx(average(mean, pixels), abs=1e-6)
        rows, columns = zip(*pixels, strict=True)
        assert sample.box == (
            min(columns),
            min(rows),
            max(columns) - min(columns) + 1,
            max(rows) - min(rows) + 1,
        )


def test_a_missing_object_is_what_is_predicted_on_background(split: Split, tmp_path: Path) -> None:
    maps = probabilities(1)
    found = judged(split, store_of(tmp_path / "s", maps))
    missing = [each for each in found.samples if each.label == 0]
    large = max(missing, key=lambda each: each.area)
    left, top, width, height = large.box
    assert left <= 26
    assert top <= 20
    assert left + width >= 46
    assert top + height == HEIGHT
    position = found.samples.index(large)
    assert found.suspected[position] == 2
    suspect = found.suspect(position)
    assert (suspect.kind, suspect.annotation, suspect.label) == ("missing", None, "Background")
    # Labelled, or called ignored, it is not missing.
    for ignored in (False, True):
        more = (*ANNOTATIONS, box(17, 9, 22, 16, 26, 24, ignored=ignored))
        known = split_of(replace(split.images[0], annotations=more), tmp_path)
        again = judged(known, store_of(tmp_path / f"again {ignored}", maps))
        kept = [each for each in again.samples if each.label == 0]
        assert all(each.box != large.box for each in kept)


def test_a_seam_around_an_object_is_not_missing_but_its_neighbour_is(tmp_path: Path) -> None:
    known = box(1, 9, 4, 4, 12, 12)
    split = split_of(ImageRecord(1, "a.png", WIDTH, HEIGHT, (known,)), tmp_path)
    maps = np.full((3, HEIGHT, WIDTH), 0.02, np.float32)
    maps[0] = 0.96
    maps[:, 1:19, 1:40] = np.float32([0.03, 0.02, 0.95])[:, None, None]  # both, and a seam
    image = JudgedImage(split, 0, ((store_of(tmp_path / "s", maps), 0),), (HEIGHT, WIDTH))
    found = judge_labels([image], SilentProgress())
    (missing,) = [each for each in found.samples if each.label == 0]
    assert missing.box == (16, 1, 24, 18)


def test_a_grid_tells_nearly_the_same(split: Split, tmp_path: Path) -> None:
    image = JudgedImage(split, 0, ((store_of(tmp_path / "s", probabilities(3)), 0),), (20, 24))
    whole = judge_labels([image], SilentProgress())
    grid = judge_labels([image], SilentProgress(), pixels_per_image=HEIGHT * WIDTH // 4)
    of_whole, of_grid = (
        {each.number: each for each in found.samples if each.label > 0} for found in (whole, grid)
    )
    assert sorted(of_whole) == sorted(of_grid)
    for number, sample in of_whole.items():
        assert of_grid[number].box == sample.box
        assert of_grid[number].area == sample.area
        assert of_grid[number].mean == pytest.approx(sample.mean, abs=0.12)
    # A missing object's box is that of the photo.
    large = max((each for each in grid.samples if each.label == 0), key=lambda each: each.area)
    assert large.box[0] + large.box[2] <= WIDTH
    assert large.box[1] + large.box[3] <= HEIGHT
    assert large.area > 100


def test_regions_of_a_mask_have_no_annotation(tmp_path: Path) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[2:12, 2:14] = 1
    mask[20:30, 4:12] = 1
    file = MaskFile(tmp_path / "mask.png", MaskTable({0: "background", 1: 5, 2: 9}))
    from PIL import Image

    Image.fromarray(mask).save(file.path)
    split = split_of(ImageRecord(1, "a.png", WIDTH, HEIGHT, mask=file), tmp_path)
    found = judged(split, store_of(tmp_path / "s", probabilities(4)))
    objects = [each for each in found.samples if each.label > 0]
    assert [(each.number, each.box, each.area) for each in objects] == [
        (None, (2, 2, 12, 10), 120),
        (None, (4, 20, 8, 10), 80),
    ]
    assert all(found.suspect(n).annotation is None for n in range(len(found.samples)))


def test_another_ranking_takes_the_place_of_ours(split: Split, tmp_path: Path) -> None:
    image = JudgedImage(split, 0, ((store_of(tmp_path / "s", probabilities(5)), 0),), (20, 24))
    seen = []

    def doubt(values: NDArray[np.float32], label: int) -> float:
        seen.append((values.shape[1], label))
        return 1 / values.shape[1]

    found = judge_labels([image], SilentProgress(), doubt=doubt)
    assert [(each.area, each.label) for each in found.samples] == seen
    order = found.order(0)
    areas = [found.samples[position].area for position in order]
    assert areas == sorted(areas)
    assert found.order(1.1) == []


def test_nothing_labelled_and_nothing_predicted(tmp_path: Path) -> None:
    split = split_of(ImageRecord(1, "a.png", WIDTH, HEIGHT), tmp_path)
    maps = np.zeros((3, HEIGHT, WIDTH), np.float32)
    maps[0] = 1
    found = judged(split, store_of(tmp_path / "s", maps))
    assert found.samples == ()
    assert found.order(0) == []
    assert found.image_doubts.tolist() == pytest.approx([0])
