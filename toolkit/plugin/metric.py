"""What a metric receives and must return; imports no torch and no numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


DEFAULT_METRIC = "miou"
"""The metric of recipes that name none, and of everything that was scored before they could."""


@dataclass(frozen=True)
class MetricScore:
    """What a metric says of some images.

    Attributes:
        score: the one figure that decides; NaN where these images decide nothing, because they have
            no class that counts, for example.
        classes: float64 (C,), the part of every class, NaN where it has none; None when the metric
            has no parts.
    """

    score: float
    classes: NDArray[np.float64] | None = None


class Metric(Protocol):
    """Scores predicted labels by the contest's rule.

    Called with the pixel counts of every image, int64 (images, C, C), rows truth, columns
    predictions, at least one image; ignored pixels are in none of them. It must not change them,
    and the order of the images must not matter. It is called thousands of times in a search, on
    parts of the images and on images that were drawn repeatedly.

    Attributes:
        larger_is_better: whether a larger score is the better one.
    """

    @property
    def larger_is_better(self) -> bool: ...

    def __call__(self, counts: NDArray[np.int64]) -> MetricScore: ...


@runtime_checkable
class ScoresTotal(Protocol):
    """A metric of all images' sum alone, whichever image a pixel is of: a search is then quicker.

    `scores_total` is True: `metric(counts)` equals `metric(counts.sum(0)[None])`.
    """

    @property
    def scores_total(self) -> bool: ...


@runtime_checkable
class ScoresImages(Protocol):
    """A metric that is a mean over images of a figure of each: intervals and searches are quicker.

    Called with counts as the metric is, `image_figures` returns float64 (images, 1 + C): the score
    of each image, then those of its classes; NaN where there is none. Score and classes of the
    metric are the means over the images that have one.
    """

    def image_figures(self, counts: NDArray[np.int64]) -> NDArray[np.float64]: ...


@runtime_checkable
class ScoresBoundary(Protocol):
    """A metric that looks at labels near the boundary of their class alone (arXiv:2103.16562).

    `boundary` is how wide a boundary is, as a share of the diagonal of an image, 0…1. The metric is
    called with counts of C + 1 labels, int64 (images, C + 1, C + 1), of which the last one is "not
    near a boundary"; it has no part in the score's classes, which are float64 (C,) as ever.
    """

    @property
    def boundary(self) -> float: ...
