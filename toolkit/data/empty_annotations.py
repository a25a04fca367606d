"""Annotations that cover no pixel: whoever trains on them or scores by them calls the object background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from toolkit.data.coco import Annotation, ImageRecord
from toolkit.data.guards import check_command
from toolkit.data.listing import some_of
from toolkit.data.segmentation import why_empty
from toolkit.errors import UsageError
from toolkit.progress import Progress

OnEmpty = Literal["refuse", "skip"]
"""What becomes of an annotation that covers no pixel."""

_SHOWN = 3


def without_empty(
    images: Sequence[ImageRecord],
    file: Path,
    root: Path,
    on_empty: OnEmpty,
    progress: Progress,
    *,
    option: str = 'data.on_empty = "skip"',
) -> tuple[ImageRecord, ...]:
    """Return the images without annotations that cover no pixel.

    Args:
        images: as read.
        file: the annotation file, for messages.
        root: folder of its photos, for messages.
        on_empty: "refuse" them, or "skip" = leave them out and say how many.
        progress: told what was left out.
        option: how the user leaves them out, for the message.

    Raises:
        UsageError: there are such annotations, and they are not to be left out.
    """
    empty = {
        (row, position): why
        for row, record in enumerate(images)
        for position, annotation in enumerate(record.annotations)
        if (why := why_empty(annotation.segmentation, record.height, record.width))
    }
    if not empty:
        return tuple(images)
    n_all = sum(len(record.annotations) for record in images)
    shown = [
        f"annotation {images[row].annotations[position].annotation_id} of "
        f"{images[row].file_name} ({why})"
        for (row, position), why in empty.items()
    ]
    message = (
        f"{file}: {len(empty)} of {n_all} annotations cover no pixel: {some_of(shown, _SHOWN)}"
    )
    if on_empty == "refuse":
        raise UsageError(
            message,
            f"Their objects would be background. {check_command(file, root)} lists all of them: mend "
            f"them, or leave them out with {option}.",
        )
    progress.say(f"warning: {message}; they are left out")
    return tuple(_kept(record, row, empty) for row, record in enumerate(images))


def _kept(record: ImageRecord, row: int, empty: dict[tuple[int, int], str]) -> ImageRecord:
    kept: tuple[Annotation, ...] = tuple(
        annotation
        for position, annotation in enumerate(record.annotations)
        if (row, position) not in empty
    )
    return record if len(kept) == len(record.annotations) else replace(record, annotations=kept)
