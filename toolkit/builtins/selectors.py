"""Built-in ways to decide what of a prediction is trusted as a pseudo-label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from toolkit import Component, Context, UnitInterval, UsageError, hookimpl
from toolkit.builtins.class_tables import by_label
from toolkit.project import find_project

if TYPE_CHECKING:
    from toolkit.plugin.interfaces import Selector


def threshold(
    context: Context,
    *,
    least: UnitInterval = 0.9,
    per_class: dict[str, UnitInterval] | None = None,
) -> Selector:
    """Trust pixels by the probability of their label.

    Args:
        least: lowest probability of a trusted pixel.
        per_class: name of a class -> lowest probability of its pixels, in place of `least`.
    """
    from toolkit.pseudo.pixel_selectors import Threshold

    return Threshold(by_label(per_class or {}, least, context, "per_class"), context.ignore_index)


def class_balanced(
    context: Context,
    *,
    share: UnitInterval = 0.5,
    always: UnitInterval = 1.0,
    never: UnitInterval = 0.0,
) -> Selector:
    """Trust the most confident pixels of every class, so that rare classes survive.

    The images are looked at twice: first to find the thresholds (arXiv:1810.07911).

    Args:
        share: share of the pixels predicted as each class, over all images, that is trusted.
        always: a pixel with at least this probability is always trusted.
        never: a pixel with a lower probability is never trusted.
    """
    from toolkit.pseudo.pixel_selectors import ClassBalanced

    if never > always:
        raise UsageError(
            f"never = {never:g} is above always = {always:g}",
            f"Write never = {always:g} and always = {never:g}, or leave one out.",
            parameter="never",
        )
    return ClassBalanced(context.n_classes, share, always, never, context.ignore_index)


def mean_confidence(
    context: Context, *, least: UnitInterval = 0.9, foreground: bool = False
) -> Selector:
    """Trust images by the mean probability of their labels.

    Args:
        least: lowest mean of a trusted image.
        foreground: take the mean over the pixels predicted as foreground: a small doubtful object
            does not show in an image that is nearly all background. Images without any are decided
            by all of their pixels.
    """
    from toolkit.pseudo.image_selectors import MeanConfidence

    return MeanConfidence(least, foreground)


def confident_share(
    context: Context, *, threshold: UnitInterval = 0.9, least: UnitInterval = 0.8
) -> Selector:
    """Trust images by the share of their pixels that are sure.

    Args:
        threshold: lowest probability of a pixel that is sure.
        least: lowest share of such pixels in a trusted image.
    """
    from toolkit.pseudo.image_selectors import ConfidentShare

    return ConfidentShare(threshold, least)


def agreement(
    context: Context,
    *,
    level: Literal["image", "pixel"] = "image",
    least: UnitInterval = 0.9,
) -> Selector:
    """Trust what the teachers agree on; a single teacher always agrees with itself.

    Args:
        level: "image": images by the mean over their pixels; "pixel": pixels.
        least: lowest share of the teachers whose own label is that of all together; for two of
            three teachers write 0.66.
    """
    from toolkit.pseudo.image_selectors import AgreedImages
    from toolkit.pseudo.pixel_selectors import AgreedPixels

    return AgreedImages(least) if level == "image" else AgreedPixels(least, context.ignore_index)


def file_list(context: Context, *, file: str, mode: Literal["keep", "drop"] = "keep") -> Selector:
    """Keep or drop the images that people listed.

    Args:
        file: text file with the `file_name` of an image on each line and `#` before comments, or a
            CSV file with the names in its first column; relative to the project folder.
        mode: "keep": all other images are rejected; "drop": those listed are.
    """
    from toolkit.pseudo.file_list import FileList

    return FileList(find_project().root / Path(file).expanduser(), mode == "keep")


@hookimpl
def trash_selectors() -> Sequence[Component]:
    """Selectors of pixels and of whole images."""
    return [
        Component("threshold", threshold, "pixels by probability, for all classes or for each"),
        Component("class_balanced", class_balanced, "the surest pixels of every class alike"),
        Component("mean_confidence", mean_confidence, "images by their mean probability"),
        Component("confident_share", confident_share, "images by their share of sure pixels"),
        Component("agreement", agreement, "images or pixels that the teachers agree on"),
        Component("file_list", file_list, "images by a hand-made list of file names"),
    ]
