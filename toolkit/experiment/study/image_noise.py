"""Whether other images might say the opposite of a comparison of runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.bootstrap import PairedDifference, paired_difference
from toolkit.metrics.checked import CheckedMetric
from toolkit.metrics.counts_file import SUFFIX, read_counts
from toolkit.submission.side_car import counts_path

ScoredRun = tuple[RunFolder, float]
"""A run with its score: on the test split if it has one there, else on validation."""


def images_difference(
    metric: CheckedMetric, ours: Sequence[ScoredRun], theirs: Sequence[ScoredRun]
) -> PairedDifference | None:
    """Compare runs by the same images drawn again and again: the mean over the pairs of runs.

    Args:
        metric: by which they are compared.
        ours: the runs of one recipe.
        theirs: those of another one with the same seeds.

    Returns:
        None where the counts of the images that gave a score are not there any more, or where the
        runs were scored on different images.
    """
    pairs = []
    names = set()
    for (one, score), (other, other_score) in zip(ours, theirs, strict=True):
        first, second = _counts(one, metric, score), _counts(other, metric, other_score)
        if first is None or second is None:
            return None
        names |= {first[0], second[0]}
        pairs.append((first[1], second[1]))
    return paired_difference(metric, pairs) if len(names) == 1 else None


def _counts(
    run: RunFolder, metric: CheckedMetric, score: float
) -> tuple[tuple[str, ...], NDArray[np.int64]] | None:
    """Return the images that gave a run its score, with their counts.

    A file of counts may be of a later submission under the same name: the score tells.
    """
    files = [(run.best.with_suffix(SUFFIX), "validation")]
    submission = run.manifest()["result"].get("submission")
    if submission is not None:
        files.insert(0, (counts_path(Path(submission["path"])), "test"))
    for file, name in files:
        try:
            found = read_counts(file)
        except UsageError:
            continue
        counts = found.counts(name)
        # Every metric takes counts with boundaries; one that looks at these takes its own alone.
        if counts is None or metric.boundary not in (None, found.sets[name].boundary):
            continue
        if counts.any() and metric(counts).score == score:
            return found.sets[name].images, counts
    return None
