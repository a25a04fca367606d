"""Writing a submission file that is either whole and valid or absent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.files import atomic_path
from toolkit.plugin.interfaces import SubmissionFormat
from toolkit.progress import Progress
from toolkit.submission.check import CheckReport, check_submission
from toolkit.submission.side_car import set_aside_recorded


def write_checked(
    output: Path,
    format: SubmissionFormat,
    labels: Iterator[NDArray[np.uint8]],
    image_ids: Sequence[str],
    n_classes: int,
    progress: Progress,
) -> CheckReport:
    """Write a file under a temporary name, check it, and only then give it its name.

    Another file of that name that has leaderboard scores gets a new name.

    Args:
        output: its name.
        format: how it is written.
        labels: uint8 (H, W) of every image, in the order of `image_ids`.
        image_ids: the images in the order of rows.
        n_classes: number of labels.
        progress: told while writing.

    Raises:
        TrashError: the file that was written is not valid; it is not kept.
    """
    with atomic_path(output) as temporary:
        with (
            temporary.open("wb") as file,
            progress.bar(f"writing {output.name}", len(image_ids), "images") as bar,
        ):

            def rows() -> Iterator[tuple[str, NDArray[np.uint8]]]:
                for image_id, decided in zip(image_ids, labels, strict=True):
                    yield image_id, decided
                    bar.advance()

            format.write(file, rows())
        report = check_submission(temporary, format, image_ids, n_classes)
        if not report.valid:
            raise TrashError(
                f"the file written for {output} is not valid: {report.problems[0]}",
                "This is a mistake in the submission format, not in your data; no file was kept.",
            )
        aside = set_aside_recorded(output, temporary)
        if aside is not None:
            progress.say(f"{output.name} has leaderboard scores: it is kept as {aside.name}")
    return report
