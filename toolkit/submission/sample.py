"""The images that a sample submission lists."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Protocol, runtime_checkable

from toolkit.plugin.interfaces import SubmissionFormat
from toolkit.submission.rows import read_ids


@runtime_checkable
class ListsImages(Protocol):
    """A format whose rows name their image in another way than by the first column alone."""

    def image_ids(self, path: Path) -> Iterable[str]:
        """Yield the image of each row of a sample submission, in order."""
        ...


def sample_ids(path: Path, format: SubmissionFormat) -> tuple[str, ...]:
    """Return the ids of the images of a sample submission in order.

    Args:
        path: the sample, a CSV file whatever the format of the submission is.
        format: of the submission; where it does not say how a row names its image, which may then
            have several rows, the first column does.

    Raises:
        UsageError: the file cannot be opened, or a row names no image.
    """
    if isinstance(format, ListsImages):
        return tuple(image_id for image_id, _ in groupby(format.image_ids(path)))
    return read_ids(path)
