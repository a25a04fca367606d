from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from toolkit.data.resize import NEAREST_RULES, Sampling
from toolkit.ensemble.combiners import Geometric, Maximum, Mean, Power, Rank, Vote
from toolkit.metrics.confusion import Counting
from toolkit.plugin.interfaces import Ensembler
from toolkit.plugin.kinds import Nearest
from toolkit.progress import SilentProgress
from toolkit.search.disagreement import Disagreement
from toolkit.search.held_out import HeldOut


def disagreement(held_out: HeldOut, folder: Path, boundary: float | None = None) -> Disagreement:
    counting = Counting(held_out.n_classes, held_out.ignore_index, boundary)
    return Disagreement(held_out, counting, folder, SilentProgress())


@pytest.mark.parametrize(
    "ensembler",
    [Mean(), Mean([1, 3, 2]), Geometric(), Power(3.0), Vote(), Rank(), Maximum()],
    ids=lambda each: type(each).__name__,
)
def test_contested_pixels_give_the_confusion_of_whole_native_maps(
    ensembler: Ensembler, make_held_out: Callable[..., HeldOut], tmp_path: Path
) -> None:
    held_out = make_held_out(1.0, 1.5, 0.7)
    contested = disagreement(held_out, tmp_path)
    found = contested.score(ensembler, range(3))
    assert 0.05 < contested.share < 0.95
    for image in range(held_out.n_images):
        _, position, stores = held_out.native(image)
        combined = ensembler(store.read(position) for store in stores)
        labels = held_out.sampling(combined.argmax(0).astype(np.uint8))
        labels = labels.reshape(-1)
        expected = np.zeros((held_out.n_classes, held_out.n_classes), np.int64)
        for target, label in zip(held_out.target(image), labels, strict=True):
            if target != held_out.ignore_index:
                expected[target, label] += 1
        np.testing.assert_array_equal(found[image], expected)


def test_a_mean_of_some_members_reads_only_those(
    make_held_out: Callable[..., HeldOut], tmp_path: Path
) -> None:
    held_out = make_held_out(1.0, 2.0, 1.5)
    contested = disagreement(held_out, tmp_path)
    both = contested.score(Mean([1.0, 0.0, 1.0]), range(3))
    np.testing.assert_array_equal(contested.score(Mean(), (0, 2)), both)


def test_a_single_member_has_nothing_contested(
    make_held_out: Callable[..., HeldOut], tmp_path: Path
) -> None:
    held_out = make_held_out(1.0)
    contested = disagreement(held_out, tmp_path)
    assert contested.share == 0
    found = contested.score(Mean(), (0,))
    assert found.sum() == sum(held_out.target(i).size for i in range(held_out.n_images))


@pytest.mark.parametrize("size", [(7, 9), (64, 64), (1, 1), (30, 11)])
@pytest.mark.parametrize("wanted", [(24, 20), (5, 64), (1, 3)])
@pytest.mark.parametrize("nearest", NEAREST_RULES)
def test_maps_are_sampled_where_labels_are(
    size: tuple[int, int], wanted: tuple[int, int], nearest: Nearest
) -> None:
    mask = np.random.default_rng(0).integers(0, 200, size).astype(np.uint8)
    sampling = Sampling(wanted, nearest)
    rows, columns = sampling.places(size)
    np.testing.assert_array_equal(mask[rows[:, None], columns], sampling(mask))
