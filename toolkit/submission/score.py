"""The score of a submission file when the truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.data.masks import paint_mask
from toolkit.data.resize import Sampling
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.formats.label_rows import sampling_of
from toolkit.metrics.bootstrap import with_intervals
from toolkit.metrics.confusion import Counting
from toolkit.metrics.scores import Metrics, Scores, score_counts
from toolkit.plugin.interfaces import SubmissionFormat
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import Progress, SilentProgress
from toolkit.suggestions import did_you_mean
from toolkit.wording import part_of


def true_labels(record: ImageRecord, truth: Split, sampling: Sampling) -> NDArray[np.uint8]:
    """Return the annotated labels of an image as a submission would have them, uint8 (H, W)."""
    target = paint_mask(record, truth.labels, truth.overlap, truth.ignore_index)
    return sampling(target)


def scores_of(counts: NDArray[np.int64], metrics: Metrics | None) -> Scores:
    """Return the scores of counted images, with how sure those by `metrics` are."""
    found = score_counts(counts, metrics)
    return with_intervals(found, counts, metrics) if metrics else found


def count_submission(
    path: Path,
    format: SubmissionFormat,
    truth: Split,
    counting: Counting,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Count the pixels of every image by true and submitted label, (images, …) of `counting`.

    As the leaderboard does: the truth is painted at the images' own sizes and gets the submission's
    as the labels of the file did, by the rule of the format. The images are in the order of
    `truth`, whatever that of the rows.

    Args:
        path: the file.
        format: how it is written, for the classes of `truth`.
        truth: every image of the file, with its annotations.
        counting: how its pixels are counted.
        progress: told while reading.

    Raises:
        UsageError: the file is not valid, or holds other images than the truth.
    """
    record_of = {record.file_name: record for record in truth.images}
    waiting = dict.fromkeys(record_of)
    sampling = sampling_of(format)
    position_of = {name: row for row, name in enumerate(truth.file_names)}
    counts = counting.zeros(len(truth))
    with (progress or SilentProgress()).bar("scoring", len(truth), "images") as bar:
        for image_id, labels in format.read(path):
            record = record_of.get(image_id)
            if record is None:
                raise UsageError(
                    f"{path}: {image_id} is not in {truth.file}",
                    did_you_mean(image_id, record_of, limit=3),
                )
            if image_id not in waiting:
                raise UsageError(f"{path}: {image_id} has two rows")
            del waiting[image_id]
            target = true_labels(record, truth, sampling)
            counts[position_of[image_id]] = counting(labels, target)
            bar.advance()
    if waiting:
        raise UsageError(
            f"{path}: "
            f"{part_of(len(waiting), len(truth), ('image', 'images'), ('has', 'have'))} no row, "
            f"{next(iter(waiting))} the first",
            f"See all problems: trash submission check {path}",
        )
    return counts
