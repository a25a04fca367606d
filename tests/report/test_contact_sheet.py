from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.workspaces import workspace_in
from toolkit.data.augment import AugmentStep, Pipeline
from toolkit.data.contest import open_contest
from toolkit.data.images import read_image
from toolkit.errors import TrashError
from toolkit.objects.memory_bank import MemoryBank
from toolkit.plugin.interfaces import CutOut, Sample
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.report.contact_sheet import bank_sheet, mixed_samples, mixed_sheet
from toolkit.report.sheet import Picture, write_sheet
from toolkit.report.thumbnails import class_colours

NAMES = ("Background", "paper", "metal")
RED, GREEN = (200, 10, 10), (10, 200, 10)


def cut_out(label: int, colour: tuple[int, int, int], size: tuple[int, int]) -> CutOut:
    """An object of one colour that fills the left half of its patch; the rest is blue."""
    image = np.full((*size, 3), (0, 0, 255), np.uint8)
    alpha = np.zeros(size, np.uint8)
    half = size[1] // 2
    image[:, :half], alpha[:, :half] = colour, 255
    return CutOut(image, alpha, label, "a.jpg", (500, 500))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def count(picture: Picture, colour: tuple[int, ...]) -> int:
    return int((picture == np.array(colour, np.uint8)).all(axis=2).sum())


def test_objects_are_shown_without_their_surroundings() -> None:
    bank = MemoryBank((cut_out(1, RED, (40, 60)), cut_out(2, GREEN, (20, 20))))
    sheet = bank_sheet(bank, NAMES, 10, rng())
    assert count(sheet, RED) == 40 * 30
    assert count(sheet, GREEN) == 20 * 10
    assert count(sheet, (0, 0, 255)) == 0
    assert np.argwhere((sheet == RED).all(axis=2))[:, 0].max() < (
        np.argwhere((sheet == GREEN).all(axis=2))[:, 0].min()
    )


def test_large_objects_are_made_to_fit_and_the_largest_come_first() -> None:
    bank = MemoryBank((cut_out(1, RED, (10, 12)), cut_out(1, GREEN, (800, 1600))))
    sheet = bank_sheet(bank, NAMES, 2, rng())
    columns = {colour: np.argwhere((sheet == colour).all(axis=2))[:, 1] for colour in (RED, GREEN)}
    assert 0 < len(columns[GREEN]) <= 56 * 56
    assert columns[GREEN].max() < columns[RED].min()


def test_no_more_objects_of_a_class_than_asked_for_and_others_by_another_seed() -> None:
    colours = [(10 * number, 0, 200) for number in range(20)]
    bank = MemoryBank(tuple(cut_out(1, colour, (20, 20)) for colour in colours))
    shown = [
        {c for c in colours if count(bank_sheet(bank, NAMES, 4, np.random.default_rng(seed)), c)}
        for seed in (0, 0, 1)
    ]
    assert len(shown[0]) == 4
    assert shown[0] == shown[1] != shown[2]


def test_a_mixed_image_is_shown_with_its_labels_in_colours() -> None:
    image = np.full((30, 50, 3), (90, 90, 90), np.uint8)
    before = Sample(image, np.zeros((30, 50), np.uint8), "a.jpg")
    mask = before.mask.copy()
    mask[:, 25:] = 2
    after = Sample(np.full_like(image, 200), mask, "a.jpg")
    sheet = mixed_sheet([(before, after)], NAMES)
    colours = class_colours(3)
    assert count(sheet, (90, 90, 90)) > 1000
    assert count(sheet, (200, 200, 200)) > 1000
    legend = count(sheet, tuple(colours[2]))
    assert legend > 100
    assert count(sheet, tuple(colours[1])) == 0  # no pixel has that label
    blended = np.round(0.75 * colours[2] + 0.25 * 200)
    assert (np.abs(sheet - blended).max(axis=2) <= 1).sum() > 1000


def test_many_classes_have_a_legend_of_several_lines() -> None:
    names = ("Background", *(f"a class with a long name {number}" for number in range(30)))
    mask = np.arange(31, dtype=np.uint8).repeat(10)[None].repeat(20, axis=0)
    sample = Sample(np.zeros((*mask.shape, 3), np.uint8), mask, "a.jpg")
    sheet = mixed_sheet([(sample, sample)], names)
    for colour in class_colours(31)[1:]:
        assert count(sheet, tuple(colour)) > 100


def fail(sample: Sample, rng: np.random.Generator) -> Sample:
    raise ValueError("broken")


def darken(sample: Sample, rng: np.random.Generator) -> Sample:
    sample.image[:] = 0
    return sample


def test_images_are_mixed_at_the_size_of_the_network(demo_root: Path) -> None:
    data = Data(root=str(demo_root), val="val.json")
    train = open_contest(workspace_in(Project(demo_root)), data).train
    pipeline = Pipeline((AugmentStep("darken", darken, 1.0),), (48, 40))
    pairs = mixed_samples(train, pipeline, 5, rng())
    assert len(pairs) == 5
    assert len({before.file_name for before, _ in pairs}) == 5
    for before, after in pairs:
        assert before.image.shape == after.image.shape == (48, 40, 3)
        assert before.mask.shape == (48, 40)
        assert before.image.any()
        assert not after.image.any()
    assert len(mixed_samples(train, pipeline, 100, rng())) == len(train)
    with pytest.raises(TrashError, match="augmentation fail failed"):
        mixed_samples(train, Pipeline((AugmentStep("fail", fail, 1.0),), (48, 40)), 1, rng())


def test_the_parts_are_written_below_each_other(tmp_path: Path) -> None:
    bank = MemoryBank((cut_out(1, RED, (40, 60)), cut_out(2, GREEN, (20, 20))))
    sheet = bank_sheet(bank, NAMES, 10, rng())
    write_sheet(tmp_path / "sheet.png", [sheet, sheet])
    written = read_image(tmp_path / "sheet.png", None)
    np.testing.assert_array_equal(written, np.concatenate([sheet, sheet]))
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
