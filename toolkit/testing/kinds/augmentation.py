"""The contract of an augmentation."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import in_words
from toolkit.plugin.interfaces import Augmentation, ObjectBank, Sample
from toolkit.plugin.registry import NeedsRgb
from toolkit.testing import alignment, samples
from toolkit.testing.contract import Broken, Rule, Subject, require
from toolkit.wording import counted

_TRIES = 10
_OTHER_CHANNELS = (1, 4)


def _augmentations(subject: Subject) -> Iterator[tuple[Augmentation, Sample]]:
    """Yield the augmentation with samples at the network's size."""
    for size in subject.sizes:
        sample = samples.sample(np.random.default_rng(0), *size, subject.context)
        yield subject.build(image_size=size), sample


def _pasted_labels(subject: Subject) -> set[int]:
    """Return the labels that it may paste: those of the bank of objects, if it asks for that."""
    found: set[int] = set()

    def objects() -> ObjectBank:
        bank = subject.context.objects()
        found.update(bank.labels)
        return bank

    subject.build(objects=objects)
    return found


def _same(first: Sample, second: Sample) -> bool:
    return np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)


def keeps_arrays(subject: Subject) -> None:
    """Returns uint8 image (H, W, 3) and mask (H, W) of the network's size, in memory order."""
    for augmentation, sample in _augmentations(subject):
        for seed in range(_TRIES):
            result = augmentation(sample, np.random.default_rng(seed))
            require(isinstance(result, Sample), f"it returned {type(result).__name__}")
            height, width = sample.mask.shape
            for name, array, shape in (
                ("image", result.image, (height, width, subject.context.channels)),
                ("mask", result.mask, (height, width)),
            ):
                require(
                    array.dtype == np.uint8, f"{name} of {array.dtype}, not uint8 (seed {seed})"
                )
                require(array.shape == shape, f"{name} of shape {array.shape}, not {shape}")
                require(
                    array.flags.c_contiguous,
                    f"{name} is a view in another order: use np.ascontiguousarray",
                )
            require(result.file_name == sample.file_name, "the file name was lost")


def invents_no_class(subject: Subject) -> None:
    """Gives the mask no label that was not there: nearest interpolation, no filled border."""
    pasted = _pasted_labels(subject)
    for augmentation, sample in _augmentations(subject):
        before = set(np.unique(sample.mask).tolist()) | pasted
        for seed in range(_TRIES):
            mask = augmentation(sample, np.random.default_rng(seed)).mask
            invented = set(np.unique(mask).tolist()) - before
            require(not invented, f"new labels {sorted(invented)} (seed {seed})")


def moves_alike(subject: Subject) -> None:
    """Moves photo and mask alike: the mask has a label where the photo shows it."""
    seen = False
    for size in subject.large_sizes:
        augmentation = subject.build(image_size=size)
        for seed in range(subject.n_seeds(size)):
            rng = np.random.default_rng(seed)
            mask = alignment.areas(rng, *size, subject.context.n_classes)
            first, second = (
                augmentation(Sample(photo, mask), np.random.default_rng(seed))
                for photo in alignment.photos(rng, mask)
            )
            shown = alignment.difference(first.image, second.image)
            if not np.array_equal(first.mask, second.mask):  # it looks at the photo to decide
                shown = first.image.astype(np.float32) - 128
            seen |= bool(alignment.visible_pixels(shown).any())
            what = alignment.misplacement(shown, first.mask, subject.context.n_classes)
            require(not what, f"{what} (seed {seed}, {size[0]} × {size[1]} pixels)")
    require(seen, "nothing is left of the photo, whatever the seed")


def needs_no_class(subject: Subject) -> None:
    """Takes masks that are all background or all ignored."""
    pasted = _pasted_labels(subject)
    for augmentation, sample in _augmentations(subject):
        for label in (0, subject.context.ignore_index):
            mask = np.full_like(sample.mask, label)
            for seed in range(_TRIES):
                plain = Sample(sample.image, mask)
                result = augmentation(plain, np.random.default_rng(seed))
                found = set(np.unique(result.mask).tolist())
                require(found <= {label} | pasted, "the mask changed")


def is_deterministic(subject: Subject) -> None:
    """Depends on its generator alone: not on earlier calls, nor on global random state."""
    for augmentation, sample in _augmentations(subject):
        for seed in range(_TRIES):
            first = augmentation(sample, np.random.default_rng(seed))
            # Global generators have moved on by the second call.
            augmentation(sample, np.random.default_rng(seed + 1000))
            second = augmentation(sample, np.random.default_rng(seed))
            require(_same(first, second), f"two calls with one seed differ (seed {seed})")


def is_picklable(subject: Subject) -> None:
    """Survives pickling, as loader processes need it, and then does the same."""
    for augmentation, sample in _augmentations(subject):
        copy = pickle.loads(pickle.dumps(augmentation))
        for seed in range(_TRIES):
            require(
                _same(
                    augmentation(sample, np.random.default_rng(seed)),
                    copy(sample, np.random.default_rng(seed)),
                ),
                "the copy does something else",
            )


def leaves_inputs(subject: Subject) -> None:
    """Leaves the sample as it was: cached arrays are shared."""
    for augmentation, sample in _augmentations(subject):
        writable = Sample(sample.image.copy(), sample.mask.copy(), sample.file_name)
        for seed in range(_TRIES):
            augmentation(writable, np.random.default_rng(seed))
            require(_same(writable, sample), f"it changed its input in place (seed {seed})")


def takes_other_channels(subject: Subject) -> None:
    """Takes photos of 1 and of 4 channels too, or says that it needs RGB (`needs_rgb`)."""
    for channels in _OTHER_CHANNELS:
        context = replace(subject.context, channels=channels)
        objects = partial(samples.object_bank, context.n_classes, channels)
        for size in subject.sizes:
            try:
                augmentation = subject.build(image_size=size, channels=channels, objects=objects)
            except NeedsRgb:
                return
            sample = samples.sample(np.random.default_rng(0), *size, context)
            for seed in range(_TRIES):
                image = _image(augmentation, sample, seed)
                shape = (*size, channels)
                require(
                    image.shape == shape and image.flags.c_contiguous,
                    f"image of shape {image.shape}, not {shape} in memory order: keep the axis of "
                    "the channels, or set needs_rgb = True in its Component",
                )


def _image(augmentation: Augmentation, sample: Sample, seed: int) -> NDArray[np.uint8]:
    try:
        return augmentation(sample, np.random.default_rng(seed)).image
    except Exception as error:  # whatever a stranger's code raises
        raise Broken(
            f"it fails on photos of {counted(sample.image.shape[2], 'channel', 'channels')}: "
            f"{in_words(error)}; if it needs RGB, set needs_rgb = True in its Component"
        ) from error


RULES: tuple[Rule, ...] = (
    keeps_arrays,
    invents_no_class,
    moves_alike,
    needs_no_class,
    is_deterministic,
    is_picklable,
    leaves_inputs,
    takes_other_channels,
)
