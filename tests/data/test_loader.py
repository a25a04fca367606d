from __future__ import annotations

import multiprocessing
import os
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.augment import AugmentStep, Pipeline, build_pipeline
from toolkit.data.dataset import Draw, SampleSource
from toolkit.data.images import open_images
from toolkit.data.loader import (
    Batch,
    EpochSampler,
    EvalLoader,
    TrainLoader,
    train_loader,
)
from toolkit.data.masks import open_masks
from toolkit.data.order import EpochOrder
from toolkit.data.sampling import Draws, repeated_draws
from toolkit.data.split import Split
from toolkit.data.targets import FixedTargets
from toolkit.errors import TrashError, UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, Sample
from toolkit.plugin.registry import Registry
from toolkit.progress import SilentProgress
from toolkit.seeds import Stream, generator

SIZE = (24, 32)


class Noise:
    """Writes in place, so that a read-only cache would be noticed."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        sample.image[...] = rng.integers(0, 256, sample.image.shape, dtype=np.uint8)
        return sample


class FailOnce:
    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        if sample.file_name.endswith("05.png"):
            raise UsageError(f"{sample.file_name} is no good", "Leave it out.")
        return sample


class Die:
    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        os._exit(3)


NOISE = Pipeline((AugmentStep("noise", Noise(), 0.8),), SIZE)


@pytest.fixture
def arrays(train_split: Split, cache: Path) -> dict[str, Any]:
    quiet = SilentProgress()
    return {
        "images": open_images(train_split, cache, SIZE, quiet),
        "masks": open_masks(train_split, cache, SIZE, quiet),
    }


def source(arrays: dict[str, Any], pipeline: Pipeline = NOISE) -> SampleSource:
    names = tuple(f"train/{row:02d}.png" for row in range(9))
    return SampleSource(arrays["images"], FixedTargets(arrays["masks"]), pipeline, names)


def make(arrays: dict[str, Any], pipeline: Pipeline = NOISE, **changes: Any) -> TrainLoader:
    options: dict[str, Any] = {
        "seed": 7,
        "batch_size": 4,
        "rank": 0,
        "world_size": 1,
        "device_batch_size": 2,
        "workers": 0,
    }
    order = EpochOrder(9, draws=changes.pop("draws", None))
    return train_loader([source(arrays, pipeline)], order, **{**options, **changes})


def epoch(loader: TrainLoader, number: int) -> list[Batch]:
    loader.set_epoch(number)
    return [Batch(*(tensor.clone() for tensor in batch[:3])) for batch in loader]


def failure(loader: TrainLoader | EvalLoader) -> tuple[type[TrashError], str, str]:
    """The error of an epoch; `pytest.raises` would keep it, and so the workers, alive."""
    try:
        list(loader)
    except TrashError as error:
        return type(error), error.message, error.hint
    raise AssertionError("nothing was raised")


def by_index(batches: list[Batch]) -> dict[int, tuple[torch.Tensor, torch.Tensor]]:
    return {
        int(index): (image, mask)
        for batch in batches
        for image, mask, index in zip(*batch[:3], strict=True)
    }


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        for tensor, same in zip(one[:3], other[:3], strict=True):
            assert torch.equal(tensor, same)


def test_a_step_alone_is_that_of_the_epoch(arrays: dict[str, Any]) -> None:
    loader = make(arrays)
    for number in (1, 3):
        batches = epoch(loader, number)
        for step in range(loader.steps_per_epoch):
            found = make(arrays).step(number, step)
            whole = batches[2 * step : 2 * step + 2]
            assert torch.equal(found.images, torch.cat([each.images for each in whole]))
            assert torch.equal(found.masks, torch.cat([each.masks for each in whole]))
            assert torch.equal(found.indices, torch.cat([each.indices for each in whole]))


def test_a_step_alone_that_fails_says_why(arrays: dict[str, Any]) -> None:
    loader = make(arrays, Pipeline((AugmentStep("fail", FailOnce(), 1),), SIZE))
    with pytest.raises(UsageError, match=r"05\.png is no good"):
        [loader.step(1, step) for step in range(loader.steps_per_epoch)]


def test_batches_hold_images_masks_and_indices(arrays: dict[str, Any]) -> None:
    plain = Pipeline((), SIZE)
    batches = epoch(make(arrays, plain), 0)
    for batch in batches:
        assert batch.images.shape == (2, 3, 24, 32)
        assert batch.masks.shape == (2, 24, 32)
        assert batch.images.dtype == batch.masks.dtype == torch.uint8
        assert batch.indices.dtype == torch.int64
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
        for image, mask, index in zip(*batch[:3], strict=True):
            np.testing.assert_array_equal(image.permute(1, 2, 0), arrays["images"][int(index)])
            np.testing.assert_array_equal(mask, arrays["masks"][int(index)])


def test_an_epoch_holds_every_image_and_wraps_around(arrays: dict[str, Any]) -> None:
    loader = make(arrays)
    assert (loader.steps_per_epoch, len(loader)) == (3, 6)
    order = [int(index) for batch in epoch(loader, 0) for index in batch.indices]
    assert sorted(order[:9]) == list(range(9))
    assert order[9:] == order[:3]
    later = [int(index) for batch in epoch(loader, 1) for index in batch.indices]
    assert later != order


def test_the_cache_is_not_written_to(arrays: dict[str, Any]) -> None:
    before = [arrays["images"][index].copy() for index in range(9)]
    epoch(make(arrays), 0)
    for index, image in enumerate(before):
        np.testing.assert_array_equal(arrays["images"][index], image)


def test_an_epoch_depends_on_seed_and_number_alone(arrays: dict[str, Any]) -> None:
    one_after_another = make(arrays)
    epoch(one_after_another, 0)
    third = epoch(one_after_another, 2)
    assert_same(third, epoch(make(arrays), 2))
    other_seed = epoch(make(arrays, seed=8), 2)
    assert any(not torch.equal(a.images, b.images) for a, b in zip(third, other_seed, strict=True))


def test_stopping_in_the_middle_changes_nothing_later(arrays: dict[str, Any]) -> None:
    loader = make(arrays)
    for _ in islice(loader, 2):
        pass
    assert_same(epoch(loader, 1), epoch(make(arrays), 1))


def test_workers_change_nothing(arrays: dict[str, Any]) -> None:
    alone, helped = make(arrays), make(arrays, workers=2)
    for number in (0, 1, 5):
        assert_same(epoch(alone, number), epoch(helped, number))


def test_no_more_workers_than_cores_are_started(
    arrays: dict[str, Any], recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, helped = make(arrays), make(arrays, workers=500)
    assert not [each for each in recwarn if "worker" in str(each.message)]
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: {5})
        helped = make(arrays, workers=500)
        assert not [each for each in recwarn if "worker" in str(each.message)]
    assert_same(epoch(alone, 0), epoch(helped, 0))


def test_real_augmentations_work_in_spawned_workers(
    arrays: dict[str, Any], registry: Registry
) -> None:
    specs = [
        ComponentSpec(name="hflip"),
        ComponentSpec(name="elastic", p=1.0),
        ComponentSpec(name="one_of", of=[{"name": "clahe"}, {"name": "rotate"}], p=0.8),
    ]
    context = Context(class_names=("Background", "a", "b", "c"), image_size=SIZE)
    pipeline = build_pipeline(specs, registry, context)
    expected = epoch(make(arrays, pipeline), 3)
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method("spawn", force=True)
    try:
        assert_same(epoch(make(arrays, pipeline, workers=1), 3), expected)
    finally:
        multiprocessing.set_start_method(before, force=True)


def test_a_sample_does_not_depend_on_its_batch(arrays: dict[str, Any]) -> None:
    small, large = make(arrays), make(arrays, batch_size=9, device_batch_size=9)
    first, second = by_index(epoch(small, 4)), by_index(epoch(large, 4))
    assert set(first) == set(second) == set(range(9))
    for index, (image, mask) in first.items():
        assert torch.equal(image, second[index][0])
        assert torch.equal(mask, second[index][1])


def test_every_epoch_augments_anew(arrays: dict[str, Any]) -> None:
    first, second = by_index(epoch(make(arrays), 0)), by_index(epoch(make(arrays), 1))
    assert sum(not torch.equal(first[i][0], second[i][0]) for i in range(9)) > 6


def test_ranks_share_each_global_batch(arrays: dict[str, Any]) -> None:
    alone = make(arrays, batch_size=4, device_batch_size=4)
    ranks = [make(arrays, batch_size=4, world_size=2, rank=rank) for rank in range(2)]
    for whole, left, right in zip(
        epoch(alone, 3), *(epoch(loader, 3) for loader in ranks), strict=True
    ):
        for tensor, parts in zip(whole[:3], zip(left[:3], right[:3], strict=True), strict=True):
            assert torch.equal(tensor, torch.cat(parts))


@given(
    n_images=st.integers(1, 40),
    world_size=st.integers(1, 3),
    device_batch_size=st.integers(1, 4),
    accumulation=st.integers(1, 3),
    number=st.integers(0, 5),
    resampled=st.booleans(),
)
def test_ranks_and_accumulation_make_up_the_same_global_batches(
    n_images: int,
    world_size: int,
    device_batch_size: int,
    accumulation: int,
    number: int,
    resampled: bool,
) -> None:
    batch_size = world_size * device_batch_size * accumulation
    factors = np.linspace(1, 2.5, n_images)
    order = EpochOrder(n_images, draws=repeated_draws(factors) if resampled else None)

    def steps(world_size: int, device_batch_size: int) -> list[list[Draw]]:
        """Sorted draws of every optimiser step, over all ranks and accumulation."""
        found: list[list[Draw]] = []
        for rank in range(world_size):
            sampler = EpochSampler(
                order,
                seed=1,
                batch_size=batch_size,
                rank=rank,
                world_size=world_size,
                device_batch_size=device_batch_size,
            )
            sampler.epoch = number
            batches = list(sampler)
            assert len(batches) == len(sampler)
            assert all(len(batch) == device_batch_size for batch in batches)
            per_step = len(batches) // sampler.steps_per_epoch
            found = found or [[] for _ in range(sampler.steps_per_epoch)]
            for position, batch in enumerate(batches):
                found[position // per_step] += [key.draw for key in batch]
        return [sorted(step) for step in found]

    divided, whole = steps(world_size, device_batch_size), steps(1, batch_size)
    assert divided == whole
    assert len(whole) == -(-len(order) // batch_size)
    assert {draw.position for step in whole for draw in step} == set(range(n_images))


def test_an_image_that_is_drawn_again_is_augmented_anew(arrays: dict[str, Any]) -> None:
    """The first time as without sampling, and each later time in a way of its own."""
    always = Pipeline((AugmentStep("noise", Noise(), 1.0),), SIZE)
    plain = by_index(epoch(make(arrays, always), 2))
    draws = Draws((4.0, 1.0, 1.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0))
    batches = epoch(make(arrays, always, draws=draws), 2)
    images = [image for batch in batches for image in batch.images]
    indices = [int(index) for batch in batches for index in batch.indices]
    order = EpochOrder(9, draws=draws)
    found = order(7, 2)
    assert indices == [*found, *found[:3]], "what fills up the last batch begins the epoch"
    assert sorted(zip(found, order.earlier(found), strict=True)) == [
        (0, 0),
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 0),
        (2, 0),
        (4, 0),
        (4, 1),
        (5, 0),
    ]
    of_first = [image for image, index in zip(images, found, strict=False) if index == 0]
    assert torch.equal(of_first[0], plain[0][0])
    assert len({image.numpy().tobytes() for image in of_first}) == 4


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_and_pieces_change_nothing_of_resampled_epochs(
    arrays: dict[str, Any], workers: int
) -> None:
    draws = repeated_draws(np.linspace(1, 3, 9))
    whole = epoch(make(arrays, draws=draws, device_batch_size=4), 3)
    loader = make(arrays, draws=draws, workers=workers, device_batch_size=1)
    assert (loader.images_per_epoch, loader.steps_per_epoch) == (18, 5)
    epoch(loader, 2)
    pieces = epoch(loader, 3)
    for field in range(3):
        assert torch.equal(
            torch.cat([batch[field] for batch in whole]),
            torch.cat([batch[field] for batch in pieces]),
        )


def test_the_order_and_the_first_sample_are_drawn_apart() -> None:
    # Seeds that differ by trailing zeros alone give numpy generators of one state.
    order = EpochOrder(1000)(5, 3)
    assert order != generator(Stream.SAMPLE, 5, 3, 0).permutation(1000).tolist()
    assert order == EpochOrder(1000)(5, 3)


def test_sizes_must_fit(arrays: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="batch_size = 4 is not a multiple of 3 images on each"):
        make(arrays, device_batch_size=3)
    with pytest.raises(UsageError, match="2 images on each of 3 devices"):
        make(arrays, world_size=3)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_in_a_sample_reaches_the_user_as_it_is(
    arrays: dict[str, Any], workers: int
) -> None:
    failing = Pipeline((AugmentStep("fail", FailOnce(), 1.0),), SIZE)
    assert failure(make(arrays, failing, workers=workers)) == (
        UsageError,
        "train/05.png is no good",
        "Leave it out.",
    )


def test_a_dead_worker_is_explained(arrays: dict[str, Any]) -> None:
    dying = Pipeline((AugmentStep("die", Die(), 1.0),), SIZE)
    kind, message, hint = failure(make(arrays, dying, workers=1))
    assert kind is TrashError
    assert message.startswith("a loader process died: DataLoader worker")
    assert "data.workers" in hint


def test_samples_are_independent_of_each_other() -> None:
    draws = {
        (epoch, index): generator(Stream.SAMPLE, 1, epoch, index).random()
        for epoch in range(20)
        for index in range(20)
    }
    assert len(set(draws.values())) == 400
