"""Built-in metrics: what decides which checkpoint, ensemble and postprocessor is best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from toolkit import Component, Context, UsageError, hookimpl
from toolkit.builtins.class_tables import by_label, label_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from toolkit.plugin.metric import Metric

Classes = Annotated[
    tuple[str, ...] | None,
    Field(description="names of the classes that count; default: all."),
]
Background = Annotated[bool, Field(description="whether label 0 counts among the classes.")]
Weights = Annotated[
    dict[str, Annotated[float, Field(gt=0)]] | None,
    Field(description="name of a class -> its factor in the mean over classes; others have 1."),
]
Absent = Annotated[
    Literal["skip", "one"],
    Field(
        description="what a class counts for in an image of which neither truth nor prediction has "
        "it: nothing, or 1 (empty and empty is right)."
    ),
]


def miou(
    context: Context,
    *,
    classes: Classes = None,
    background: Background = True,
    weights: Weights = None,
) -> Metric:
    """Mean over classes of the IoU (Jaccard) on all images together.

    A class that neither truth nor prediction has is left out.
    """
    from toolkit.metrics.formulas import ClassMetric, class_ious

    return ClassMetric(class_ious, _factors(context, classes, background, weights))


def image_miou(
    context: Context,
    *,
    absent: Absent = "skip",
    classes: Classes = None,
    background: Background = True,
    weights: Weights = None,
) -> Metric:
    """Mean over images of each image's mIoU."""
    from toolkit.metrics.formulas import ImageMetric, class_ious

    return ImageMetric(class_ious, _factors(context, classes, background, weights), absent)


def fwiou(context: Context, *, classes: Classes = None, background: Background = True) -> Metric:
    """Mean of the classes' IoU, weighted by their shares of the true pixels."""
    from toolkit.metrics.formulas import FrequencyWeightedIoU

    return FrequencyWeightedIoU(_factors(context, classes, background, None) > 0)


def dice(
    context: Context,
    *,
    classes: Classes = None,
    background: Background = False,
    weights: Weights = None,
) -> Metric:
    """Mean over classes of the Dice coefficient (F1) on all images together."""
    from toolkit.metrics.formulas import ClassMetric, class_dices

    return ClassMetric(class_dices, _factors(context, classes, background, weights))


def image_dice(
    context: Context,
    *,
    absent: Absent = "one",
    classes: Classes = None,
    background: Background = False,
    weights: Weights = None,
) -> Metric:
    """Mean over images of each image's mean Dice coefficient."""
    from toolkit.metrics.formulas import ImageMetric, class_dices

    return ImageMetric(class_dices, _factors(context, classes, background, weights), absent)


def mean_accuracy(
    context: Context,
    *,
    classes: Classes = None,
    background: Background = True,
    weights: Weights = None,
) -> Metric:
    """Mean over the truth's classes of the share of their pixels that is right."""
    from toolkit.metrics.formulas import ClassMetric, class_recalls

    return ClassMetric(class_recalls, _factors(context, classes, background, weights))


def boundary_iou(
    context: Context,
    *,
    width: Annotated[
        float, Field(gt=0, lt=0.5, description="of a boundary, as a share of the image's diagonal.")
    ] = 0.02,
    classes: Classes = None,
    background: Background = True,
    weights: Weights = None,
) -> Metric:
    """Mean over classes of the IoU of the pixels near the boundary of each, on all images together.

    Pixels of a class are near its boundary in truth and prediction each by its own labels: it sees
    how exact outlines are, where the IoU of large objects hardly changes.
    """
    from toolkit.metrics.formulas import BoundaryIoU

    return BoundaryIoU(_factors(context, classes, background, weights), width)


def pixel_accuracy(context: Context) -> Metric:
    """Share of the pixels of all images that is right."""
    from toolkit.metrics.formulas import PixelMetric, pixel_accuracy

    return PixelMetric(pixel_accuracy)


def foreground_iou(context: Context) -> Metric:
    """IoU of "any class" against background, on all images together."""
    from toolkit.metrics.formulas import PixelMetric, foreground_iou

    return PixelMetric(foreground_iou)


def cohen_kappa(context: Context) -> Metric:
    """Cohen's kappa of all pixels: the agreement beyond that of chance."""
    from toolkit.metrics.formulas import PixelMetric, cohen_kappa

    return PixelMetric(cohen_kappa)


def _factors(
    context: Context,
    classes: tuple[str, ...] | None,
    background: bool,
    weights: dict[str, float] | None,
) -> NDArray[np.float64]:
    """Return the factor of every class in the mean, float64 (C,): 0 where it does not count."""
    import numpy as np

    factors = np.array(by_label(weights or {}, 1.0, context, "weights"))
    if classes is not None:
        counted = [label_of(name, context, "classes") for name in classes]
        factors[np.setdiff1d(np.arange(context.n_classes), counted)] = 0
    if not background:
        factors[0] = 0
    if not factors.any():
        raise UsageError(
            "no class counts for the metric",
            f"Set background = true, or name others: {', '.join(context.class_names[1:])}",
            parameter="classes" if classes is not None else "background",
        )
    return factors


@hookimpl
def trash_metrics() -> Sequence[Component]:
    """Offer the built-in metrics."""
    return [
        Component("miou", miou, "mean IoU of all images together", aliases=("mean_iou",)),
        Component("image_miou", image_miou, "mean over images of each image's mean IoU"),
        Component("fwiou", fwiou, "IoU weighted by the classes' share of the pixels"),
        Component("dice", dice, "mean Dice coefficient (F1) of all images together"),
        Component("image_dice", image_dice, "mean over images of each image's mean Dice"),
        Component("mean_accuracy", mean_accuracy, "mean over classes of the pixels that are right"),
        Component("boundary_iou", boundary_iou, "mean IoU of the pixels near boundaries"),
        Component("pixel_accuracy", pixel_accuracy, "share of the pixels that is right"),
        Component("foreground_iou", foreground_iou, 'IoU of "any class" against background'),
        Component("cohen_kappa", cohen_kappa, "agreement beyond that of chance"),
    ]
