"""The augmentation pipeline of a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from toolkit.errors import TrashError, in_words, raised_at
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Augmentation, Context, Sample
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.registry import Registry


@dataclass(frozen=True)
class AugmentStep:
    """One augmentation and the probability with which a sample goes through it."""

    name: str
    augmentation: Augmentation
    p: float


@dataclass(frozen=True)
class Pipeline:
    """Steps applied in order; picklable when its augmentations are.

    Attributes:
        steps: what to do.
        image_size: (height, width) in pixels that a sample must have in the end.
    """

    steps: tuple[AugmentStep, ...]
    image_size: tuple[int, int]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return the augmented sample; all randomness comes from `rng`.

        Raises:
            TrashError: a step failed or returned something else than uint8 arrays of one size, or
                the result does not have `image_size`; names the step.
        """
        resized_by = "the data, before any augmentation,"
        for step in self.steps:
            if rng.random() >= step.p:
                continue
            before = sample.mask.shape
            sample = apply_step(step, sample, rng)
            if sample.mask.shape != before:
                resized_by = f"augmentation {step.name}"
        if sample.mask.shape != self.image_size:
            raise TrashError(
                f"{resized_by} left {sample.file_name} at {_size(sample.mask.shape)}, "
                f"data.image_size is {_size(self.image_size)}",
                "Give the augmentation that size, or put a resize after it.",
            )
        return sample


def apply_step(step: AugmentStep, sample: Sample, rng: np.random.Generator) -> Sample:
    """Return the sample after one step, whatever the step's probability.

    Raises:
        TrashError: it failed or returned something else than uint8 arrays of one size.
    """
    try:
        result: object = step.augmentation(sample, rng)
    except TrashError:
        raise
    except (Exception, SystemExit) as error:
        raise TrashError(
            f"augmentation {step.name} failed on {sample.file_name}: "
            f"{in_words(error)}{raised_at(error)}"
        ) from error
    return require_sample(result, f"augmentation {step.name}", sample.image.shape[2])


def require_sample(result: object, what: str, channels: int) -> Sample:
    """Return the result of a component if it is a sample of uint8 arrays of one size.

    Args:
        result: what it returned.
        what: kind and name of the component, for messages.
        channels: of the photo before.

    Raises:
        TrashError: it is no such sample.
    """
    if not isinstance(result, Sample) or not all(
        isinstance(array, np.ndarray) for array in (result.image, result.mask)
    ):
        raise TrashError(f"{what} returned {type(result).__name__}, not a Sample of arrays")
    image, mask, second = result.image, result.mask, result.second_mask
    if image.dtype != np.uint8 or mask.dtype != np.uint8:
        raise TrashError(
            f"{what} must keep uint8, "
            f"it returned an image of {image.dtype} and a mask of {mask.dtype}"
        )
    if image.ndim != 3 or image.shape[2] != channels or image.shape[:2] != mask.shape:
        raise TrashError(
            f"{what} returned an image of shape {image.shape} with a mask of shape {mask.shape}, "
            f"expected (height, width, {channels}) and (height, width)"
        )
    if second is not None and (
        not isinstance(second, np.ndarray)
        or second.dtype != np.uint8
        or second.shape != mask.shape
        or not 0 <= result.share <= 1
    ):
        raise TrashError(
            f"{what} must return a second mask like the first, and a share from 0 to 1"
        )
    return result


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in shape[:2]) + " (height x width)"


class _PastesObjects(TrashError):
    """Raised in place of opening the bank of objects."""


def build_pipeline(
    specs: Sequence[ComponentSpec],
    registry: Registry,
    context: Context,
    *,
    with_objects: bool = True,
) -> Pipeline:
    """Build the steps that a recipe lists; a step's `p` defaults to 0.5.

    Args:
        specs: the steps, in order.
        registry: where augmentations are found.
        context: of the run.
        with_objects: False leaves out every step that asks for the bank of objects, be it itself or
            one of the augmentations inside it, whatever it is called.

    Raises:
        UsageError: an augmentation is unknown or has wrong parameters.
    """
    if not with_objects:
        context = replace(context, objects=_refuse_objects)
    default_p = KINDS["augmentation"].common["p"][1]
    steps = []
    for spec in specs:
        try:
            augmentation = registry.build("augmentation", spec, context)
        except _PastesObjects:
            continue
        p = float(spec.parameters.get("p", default_p))
        steps.append(AugmentStep(spec.name, augmentation, p))
    return Pipeline(tuple(steps), context.image_size)


def _refuse_objects() -> NoReturn:
    raise _PastesObjects(
        "objects of the training images are not pasted into pseudo-labelled ones",
        "List the step in pseudo.augment to paste them there too.",
    )
