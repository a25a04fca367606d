"""From stores to labels, and how good those labels are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.masks import paint_mask
from toolkit.data.resize import Sampling
from toolkit.data.split import Split
from toolkit.ensemble.combine import MemberMaps, combine_stores
from toolkit.metrics.bootstrap import with_intervals
from toolkit.metrics.confusion import Counting
from toolkit.metrics.formulas import all_pixels
from toolkit.metrics.scores import Metrics, Scores, score_counts
from toolkit.plugin.interfaces import Ensembler
from toolkit.postprocess.chain import Chain
from toolkit.postprocess.labels import argmax_labels
from toolkit.progress import Progress

OnCombined = Callable[[int, NDArray[np.float32]], None]
"""Is given the position of an image and its combined and postprocessed map, (C, H, W)."""


def labels_of_stores(
    stores: Sequence[MemberMaps],
    split: Split,
    ensembler: Ensembler,
    postprocess: Chain,
    order: Sequence[int] | None = None,
    on_map: Callable[[int, int, NDArray[np.float32]], None] | None = None,
    on_combined: OnCombined | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the labels of every image, uint8 (H, W) at its native size.

    Args:
        stores: one per member, of the images of `split`.
        split: the images; read only where a postprocessor needs them.
        ensembler: combines the maps of one image.
        postprocess: applied to the combined map.
        order: positions of the images in the order wanted; default: that of the split.
        on_map: see `combine_stores`.
        on_combined: sees the map that the labels are of.

    Raises:
        UsageError: the stores differ in classes, images or sizes.
    """
    positions = range(len(split)) if order is None else order
    combined = combine_stores(stores, ensembler, positions, on_map)
    for position, probabilities in zip(positions, combined, strict=True):
        if postprocess.steps:
            image = read_picture(split.path(position), split.images[position])
            probabilities = postprocess(probabilities, image)
        if on_combined is not None:
            on_combined(position, probabilities)
        yield argmax_labels(probabilities)


@dataclass(frozen=True)
class EnsembleScores:
    """Scores on a labelled split.

    Attributes:
        combined: of exactly what is submitted: combined and postprocessed.
        members: of each member alone, not postprocessed.
        truth_shares: share of the labelled pixels that truly has each label (sums to 1).
        counts: of the combined labels of every image, see `Counting`.
    """

    combined: Scores
    members: tuple[Scores, ...]
    truth_shares: tuple[float, ...]
    counts: NDArray[np.int64]


def evaluate_ensemble(
    stores: Sequence[MemberMaps],
    split: Split,
    ensembler: Ensembler,
    postprocess: Chain,
    sampling: Sampling,
    metrics: Metrics,
    progress: Progress,
) -> EnsembleScores:
    """Score the combined labels, and those of each member, in one pass over the stores.

    Labels and truth get the size of the contest's file as the contest makes it, by `sampling`: the
    score is to be that of the leaderboard.

    Raises:
        UsageError: the stores differ, or an annotation cannot be painted.
    """
    counting = metrics.counting(split.ignore_index)
    counts = ensemble_counts(stores, split, ensembler, postprocess, sampling, counting, progress)
    combined, *members = (score_counts(each, metrics) for each in counts)
    combined = with_intervals(combined, counts[0], metrics)
    truths = all_pixels(counts[0]).sum(axis=(0, 2))
    shares = tuple((truths / truths.sum()).tolist())
    return EnsembleScores(combined, tuple(members), shares, counts[0])


def ensemble_counts(
    stores: Sequence[MemberMaps],
    split: Split,
    ensembler: Ensembler,
    postprocess: Chain,
    sampling: Sampling,
    counting: Counting,
    progress: Progress,
    on_combined: OnCombined | None = None,
) -> tuple[NDArray[np.int64], ...]:
    """Return counts of all images, (images, …) of `counting`: combined labels, then each member.

    `on_combined` is that of `labels_of_stores`.
    """
    found = counting.zeros(1 + len(stores), len(split))
    target = np.zeros(sampling.size, np.uint8)

    def count(row: int, position: int, labels: NDArray[np.uint8]) -> None:
        found[row, position] = counting(sampling(labels), target)

    def score_member(member: int, position: int, probabilities: NDArray[np.float32]) -> None:
        nonlocal target
        if member == 0:
            record = split.images[position]
            mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
            target = sampling(mask)
        count(member + 1, position, argmax_labels(probabilities))

    with progress.bar(f"scoring on {split.name}", len(split), "images") as bar:
        combined = labels_of_stores(
            stores, split, ensembler, postprocess, on_map=score_member, on_combined=on_combined
        )
        for position, labels in enumerate(combined):
            count(0, position, labels)
            bar.advance()
    return tuple(found)
