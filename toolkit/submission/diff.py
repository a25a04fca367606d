"""Differences between two submission files."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.metrics.confusion import Counting
from toolkit.metrics.formulas import all_pixels
from toolkit.metrics.scores import Metrics, Scores, score_counts
from toolkit.submission.aligned import Labels, Readable, read_together

# No label can be 255: a file has at most 255 classes.
_IGNORED = 255


@dataclass(frozen=True)
class Flow:
    """Pixels that have one class in the first file and another one in the second.

    Attributes:
        before: label in the first file.
        after: label in the second file.
        pixels: how many.
    """

    before: int
    after: int
    pixels: int


@dataclass(frozen=True)
class Difference:
    """How two files differ.

    Attributes:
        counts: int64 (images, C, C) pixels, or as `Counting` with a boundary; rows are labels of
            the first file, columns of the second.
        image_ids: the images, in the order of `counts`: that of the first file.
        differing: (image id, share of its pixels that differ, 0…1), most first.
        shown: (image id, labels of the first, labels of the second), uint8 (H, W), of the images
            that differ most.
    """

    counts: NDArray[np.int64]
    image_ids: tuple[str, ...]
    differing: tuple[tuple[str, float], ...]
    shown: tuple[tuple[str, Labels, Labels], ...]

    @property
    def matrix(self) -> NDArray[np.int64]:
        """The counts of all images together, int64 (C, C)."""
        return np.asarray(all_pixels(self.counts).sum(0))

    def scores(self, metrics: Metrics | None = None) -> Scores:
        """Return those of the second file as if the first were the truth.

        `accuracy` is the share of equal pixels.
        """
        return score_counts(self.counts, metrics)

    @property
    def n_differing(self) -> int:
        """Number of images that differ at all."""
        return sum(share > 0 for _, share in self.differing)

    @property
    def flows(self) -> tuple[Flow, ...]:
        """Every change of class that occurs, the largest first."""
        found = [
            Flow(int(before), int(after), int(self.matrix[before, after]))
            for before, after in np.argwhere(self.matrix)
            if before != after
        ]
        return tuple(sorted(found, key=lambda flow: -flow.pixels))

    def as_json(self, class_names: Sequence[str], count: int) -> dict[str, Any]:
        """Return it as plain values, with the `count` images that differ most."""
        scores = self.scores()
        return {
            "equal": scores.accuracy,
            "mean_iou": scores.mean_iou,
            "iou": dict(zip(class_names, scores.iou, strict=True)),
            "images": len(self.differing),
            "differing_images": self.n_differing,
            "flows": [
                {
                    "before": class_names[flow.before],
                    "after": class_names[flow.after],
                    "pixels": flow.pixels,
                }
                for flow in self.flows
            ],
            "confusion": {"classes": class_names, "pixels": self.matrix.tolist()},
            "most_differing": [
                {"image": image_id, "share": share} for image_id, share in self.differing[:count]
            ],
        }


def compare(
    first: Readable, second: Readable, keep: int = 0, boundary: float | None = None
) -> Difference:
    """Compare two submission files of the same images; the order of rows does not matter.

    Args:
        first: the file that the other one is compared with.
        second: the other one.
        keep: keep the labels of so many images that differ most.
        boundary: see `Counting`.

    Raises:
        UsageError: the files differ in classes, sizes or images, hold none, or one of them is
            broken.
    """
    counting = Counting(len(first.class_names), _IGNORED, boundary)
    counts = []
    differing: list[tuple[str, float]] = []
    kept: list[tuple[float, int, Labels, Labels]] = []
    for row, (image_id, (before, after)) in enumerate(read_together([first, second])):
        ignored = (before == first.ignored) | (after == second.ignored)
        truth = np.where(ignored, np.uint8(_IGNORED), before)
        other = np.where(ignored, np.uint8(0), after)
        counts.append(counting(other, truth))
        share = float(np.mean((before != after) & ~ignored))
        differing.append((image_id, share))
        if keep and share:
            # The row makes entries distinct, so that arrays are never compared.
            heapq.heappush(kept, (share, -row, before, after))
            if len(kept) > keep:
                heapq.heappop(kept)
    if not differing:
        raise UsageError(f"{first.path} and {second.path} hold no images: nothing to compare")
    kept.sort(key=lambda each: each[:2], reverse=True)
    shown = [(differing[-row][0], before, after) for _, row, before, after in kept]
    most_first = sorted(differing, key=lambda each: -each[1])
    image_ids = tuple(image_id for image_id, _ in differing)
    return Difference(np.stack(counts), image_ids, tuple(most_first), tuple(shown))
