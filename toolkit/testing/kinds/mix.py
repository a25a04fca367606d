"""The contract of a mix."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.interfaces import Mix, Sample
from toolkit.plugin.registry import NeedsRgb
from toolkit.testing import alignment, samples
from toolkit.testing.contract import Rule, Subject, require

_TRIES = 10
_OTHER_CHANNELS = (1, 4)


def _mixes(subject: Subject) -> Iterator[tuple[Mix, Sample, Sample]]:
    """Yield the mix with a sample and its partner at the network's size."""
    for size in subject.sizes:
        rng = np.random.default_rng(0)
        pair = [samples.sample(rng, *size, subject.context) for _ in range(2)]
        yield subject.build(image_size=size), pair[0], pair[1]


def _mix(mix: Mix, sample: Sample, partner: Sample, seed: int, batch_seed: int = 0) -> Sample:
    generators = np.random.default_rng(seed), np.random.default_rng([batch_seed, 1])
    result = mix(sample, partner, *generators)
    require(isinstance(result, Sample), f"it returned {type(result).__name__}")
    return result


def _same(first: Sample, second: Sample) -> bool:
    pairs = [(getattr(first, item.name), getattr(second, item.name)) for item in fields(Sample)]
    return all(np.array_equal(one, other) for one, other in pairs)


def _labels(*of: Sample) -> set[int]:
    masks = [mask for sample in of for mask in (sample.mask, sample.second_mask)]
    return {int(label) for mask in masks if mask is not None for label in np.unique(mask)}


def keeps_arrays(subject: Subject) -> None:
    """Returns uint8 image (H, W, 3) and masks (H, W) of the same size, in memory order."""
    for mix, sample, partner in _mixes(subject):
        for seed in range(_TRIES):
            result = _mix(mix, sample, partner, seed, seed)
            height, width = sample.mask.shape
            arrays = [
                ("image", result.image, (height, width, subject.context.channels)),
                ("mask", result.mask, (height, width)),
            ]
            if result.second_mask is not None:
                arrays.append(("second mask", result.second_mask, (height, width)))
            for name, array, shape in arrays:
                require(
                    array.dtype == np.uint8, f"{name} of {array.dtype}, not uint8 (seed {seed})"
                )
                require(array.shape == shape, f"{name} of shape {array.shape}, not {shape}")
                require(
                    array.flags.c_contiguous,
                    f"{name} is a view in another order: use np.ascontiguousarray",
                )
            require(result.file_name == sample.file_name, "the file name was lost")


def weighs_masks(subject: Subject) -> None:
    """Gives the first mask a share from 0 to 1, and 1 where there is no second."""
    for mix, sample, partner in _mixes(subject):
        for seed in range(_TRIES):
            result = _mix(mix, sample, partner, seed, seed)
            require(0 <= result.share <= 1, f"a share of {result.share} (seed {seed})")
            require(
                result.second_mask is not None or result.share == 1,
                f"a share of {result.share} without a second mask (seed {seed})",
            )


def invents_no_class(subject: Subject) -> None:
    """Gives the masks no label that neither sample has."""
    for mix, sample, partner in _mixes(subject):
        # Two labels far apart, so that sums and means of labels stand out.
        last = subject.context.n_classes - 1
        few = np.where(sample.mask == 0, last, 0).astype(np.uint8)
        apart = Sample(sample.image, few), Sample(partner.image, few[::-1].copy())
        for one, other in ((sample, partner), apart):
            for seed in range(_TRIES):
                invented = _labels(_mix(mix, one, other, seed, seed)) - _labels(one, other)
                require(not invented, f"new labels {sorted(invented)} (seed {seed})")


def moves_alike(subject: Subject) -> None:
    """Moves photo and masks alike, and gives a blend the share that it has in the photo."""
    for size in subject.large_sizes:
        mix = subject.build(image_size=size)
        for seed in range(subject.n_seeds(size)):
            rng = np.random.default_rng(seed)
            masks = [alignment.areas(rng, *size, subject.context.n_classes) for _ in range(2)]
            photos = [alignment.photos(rng, mask) for mask in masks]
            first, second = (
                _mix(mix, Sample(own, masks[0]), Sample(other, masks[1]), seed, seed)
                for own, other in zip(*photos, strict=True)
            )
            shown = alignment.difference(first.image, second.image)
            if first.second_mask is None:
                what = alignment.misplacement(shown, first.mask, subject.context.n_classes)
            else:
                what = _wrong_blend(shown, first.mask, first.second_mask, first.share)
            require(not what, f"{what} (seed {seed}, {size[0]} × {size[1]} pixels)")


def _wrong_blend(
    shown: NDArray[np.float32], mask: NDArray[np.uint8], second: NDArray[np.uint8], share: float
) -> str:
    true_share, explained = alignment.blend_share(shown, mask, second)
    if explained < 0.95:
        return f"the two masks explain {explained:.0%} of the blended photo"
    if abs(true_share - share) > 0.05:
        return f"the first mask has a share of {share:.2f}, its photo one of {true_share:.2f}"
    return ""


def needs_no_class(subject: Subject) -> None:
    """Takes masks that are all background or all ignored, on either side."""
    for mix, sample, partner in _mixes(subject):
        plain = [
            Sample(sample.image, np.full_like(sample.mask, label))
            for label in (0, subject.context.ignore_index)
        ]
        pairs = [(one, other) for one in (*plain, sample) for other in (*plain, partner)]
        for one, other in pairs:
            for seed in range(_TRIES):
                invented = _labels(_mix(mix, one, other, seed, seed)) - _labels(one, other)
                require(not invented, f"new labels {sorted(invented)} (seed {seed})")


def is_deterministic(subject: Subject) -> None:
    """Depends on its two generators alone: not on earlier calls, nor on global random state."""
    for mix, sample, partner in _mixes(subject):
        for seed in range(_TRIES):
            first = _mix(mix, sample, partner, seed, seed)
            # Global generators have moved on by the second call.
            _mix(mix, sample, partner, seed + 1000, seed + 1000)
            second = _mix(mix, sample, partner, seed, seed)
            require(_same(first, second), f"two calls with one seed differ (seed {seed})")


def shares_with_the_batch(subject: Subject) -> None:
    """Gives all samples of a batch one share: it comes from `batch_rng`, not from `rng`."""
    for mix, sample, partner in _mixes(subject):
        for batch in range(_TRIES):
            pairs = [(sample, partner), (partner, sample)] * 2
            results = [_mix(mix, *pair, seed, batch) for seed, pair in enumerate(pairs)]
            shares = {result.share for result in results if result.second_mask is not None}
            require(len(shares) < 2, f"shares {sorted(shares)} in one batch")


def is_picklable(subject: Subject) -> None:
    """Survives pickling, as loader processes need it, and then does the same."""
    for mix, sample, partner in _mixes(subject):
        copy = pickle.loads(pickle.dumps(mix))
        for seed in range(_TRIES):
            require(
                _same(
                    _mix(mix, sample, partner, seed, seed),
                    _mix(copy, sample, partner, seed, seed),
                ),
                "the copy does something else",
            )


def leaves_inputs(subject: Subject) -> None:
    """Leaves both samples as they were: they are mixed with others, too."""
    for mix, *pair in _mixes(subject):
        writable = [Sample(item.image.copy(), item.mask.copy(), item.file_name) for item in pair]
        for seed in range(_TRIES):
            _mix(mix, writable[0], writable[1], seed, seed)
            for before, after in zip(pair, writable, strict=True):
                require(_same(before, after), f"it changed an input in place (seed {seed})")


def takes_other_channels(subject: Subject) -> None:
    """Takes photos of 1 and of 4 channels too, or says that it needs RGB (`needs_rgb`)."""
    for channels in _OTHER_CHANNELS:
        context = replace(subject.context, channels=channels)
        for size in subject.sizes:
            try:
                mix = subject.build(image_size=size, channels=channels)
            except NeedsRgb:
                return
            rng = np.random.default_rng(0)
            one, other = (samples.sample(rng, *size, context) for _ in range(2))
            for seed in range(_TRIES):
                image = _mix(mix, one, other, seed, seed).image
                shape = (*size, channels)
                require(
                    image.shape == shape and image.flags.c_contiguous,
                    f"image of shape {image.shape}, not {shape} in memory order: keep the axis of "
                    "the channels, or set needs_rgb = True in its Component",
                )


RULES: tuple[Rule, ...] = (
    keeps_arrays,
    weighs_masks,
    invents_no_class,
    moves_alike,
    needs_no_class,
    is_deterministic,
    shares_with_the_batch,
    is_picklable,
    leaves_inputs,
    takes_other_channels,
)
