from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from toolkit.data.augment import AugmentStep, Pipeline
from toolkit.data.dataset import SampleSource
from toolkit.data.images import open_images
from toolkit.data.loader import Batch, train_loader
from toolkit.data.masks import open_masks
from toolkit.data.mixing import Mixing, MixStep, partner_shift
from toolkit.data.order import EpochOrder
from toolkit.data.split import Split
from toolkit.data.targets import FixedTargets
from toolkit.errors import TrashError
from toolkit.plugin.interfaces import Sample
from toolkit.progress import SilentProgress

SIZE = (24, 32)


class Dim:
    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image = (sample.image * rng.uniform(0.5, 1)).astype(np.uint8)
        return Sample(image, sample.mask, sample.file_name)


class Half:
    """The lower half of the partner, and a share for the batch."""

    def __call__(self, sample: Sample, partner: Sample, rng: Any, batch_rng: Any) -> Sample:
        image, mask = sample.image.copy(), partner.mask.copy()
        image[12:] = partner.image[12:]
        image[0, 0] = rng.integers(0, 256, 3)
        return Sample(image, sample.mask, sample.file_name, mask, float(batch_rng.random()))


class OwnShare:
    def __call__(self, sample: Sample, partner: Sample, rng: Any, batch_rng: Any) -> Sample:
        return Sample(sample.image, sample.mask, "", sample.mask, float(rng.random()))


class InPlace:
    def __call__(self, sample: Sample, partner: Sample, rng: Any, batch_rng: Any) -> Sample:
        partner.image[:] = 0
        return sample


class Shrinks:
    def __call__(self, sample: Sample, partner: Sample, rng: Any, batch_rng: Any) -> Sample:
        return Sample(sample.image[:8].copy(), sample.mask[:8].copy())


PIPELINE = Pipeline((AugmentStep("dim", Dim(), 1.0),), SIZE)


@pytest.fixture
def arrays(train_split: Split, cache: Path) -> dict[str, Any]:
    quiet = SilentProgress()
    return {
        "images": open_images(train_split, cache, SIZE, quiet),
        "masks": open_masks(train_split, cache, SIZE, quiet),
    }


def batches(arrays: dict[str, Any], mix: Any = None, p: float = 1.0, **changes: Any) -> list[Batch]:
    options: dict[str, Any] = {
        "seed": 7,
        "batch_size": 4,
        "rank": 0,
        "world_size": 1,
        "device_batch_size": 4,
        "workers": 0,
        "mixing": Mixing((MixStep("half", mix or Half(), p),)),
    }
    source = SampleSource(
        arrays["images"],
        FixedTargets(arrays["masks"]),
        PIPELINE,
        tuple(f"train/{row:02d}.png" for row in range(9)),
    )
    loader = train_loader([source], EpochOrder(9), **{**options, **changes})
    loader.set_epoch(2)
    return [
        Batch(*(part.clone() if isinstance(part, torch.Tensor) else part for part in batch))
        for batch in loader
    ]


def join_batches(pieces: list[Batch]) -> Batch:
    second = [piece.second_masks for piece in pieces if piece.second_masks is not None]
    tensors = (torch.cat([piece[part] for piece in pieces]) for part in range(3))
    return Batch(*tensors, torch.cat(second) if second else None, pieces[0].share)


def same(one: Batch, other: Batch) -> bool:
    parts = zip(one[:4], other[:4], strict=True)
    return one.share == other.share and all(
        a is b is None or torch.equal(a, b) for a, b in parts if a is not None or b is not None
    )


def test_every_sample_is_mixed_with_another_of_its_batch(arrays: dict[str, Any]) -> None:
    plain, mixed = batches(arrays, mixing=Mixing()), batches(arrays)
    for before, after in zip(plain, mixed, strict=True):
        assert before.second_masks is None
        assert after.second_masks is not None
        partners = []
        for place in range(4):
            lower = after.images[place][:, 12:]
            (found,) = [
                other
                for other in range(4)
                if torch.equal(lower, before.images[other][:, 12:])
                and torch.equal(after.second_masks[place], before.masks[other])
                and before.indices[other] != before.indices[place]
            ][:1]
            partners.append(found)
            assert torch.equal(after.images[place][:, 1:12], before.images[place][:, 1:12])
        assert sorted(partners) == [0, 1, 2, 3]
    assert len({batch.share for batch in mixed}) == len(mixed)


@pytest.mark.parametrize("workers", [0, 1])
def test_pieces_ranks_and_workers_change_nothing(arrays: dict[str, Any], workers: int) -> None:
    whole = batches(arrays, p=0.6)
    assert {batch.second_masks is None for batch in whole} == {True, False}
    pieces = batches(arrays, p=0.6, device_batch_size=1, workers=workers)
    ranks = [batches(arrays, p=0.6, device_batch_size=2, world_size=2, rank=r) for r in range(2)]
    for step, batch in enumerate(whole):
        assert same(join_batches(pieces[4 * step : 4 * step + 4]), batch)
        assert same(join_batches([rank[step] for rank in ranks]), batch)


def test_p_is_the_share_of_mixed_batches() -> None:
    mixing = Mixing((MixStep("a", Half(), 0.3), MixStep("b", Half(), 0.5)))
    counts = Counter(
        None if (step := mixing.choose(1, epoch, number)) is None else step.name
        for epoch in range(20)
        for number in range(100)
    )
    # The first that comes up is applied: b in half of what a leaves.
    assert counts["a"] / 2000 == pytest.approx(0.3, abs=0.03)
    assert counts["b"] / 2000 == pytest.approx(0.35, abs=0.03)


def test_nobody_is_its_own_partner_but_in_a_batch_of_one() -> None:
    assert {partner_shift(5, 1, 1, step) for step in range(200)} == {1, 2, 3, 4}
    assert partner_shift(1, 1, 1, 1) == 0


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        (OwnShare(), "gave the samples of one batch 4 shares"),
        (InPlace(), "mix half failed on train/"),
        (Shrinks(), r"changed the size from \(24, 32\) to \(8, 32\)"),
    ],
)
def test_a_mix_that_breaks_the_rules_is_named(
    arrays: dict[str, Any], mix: Any, message: str
) -> None:
    with pytest.raises(TrashError, match=message):
        batches(arrays, mix)
