"""Annotations that cover no pixel; with them an object would count as background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from toolkit.data.guards import check_command
from toolkit.data.image_bytes import Header
from toolkit.data.images import ImageSizeError, require_size
from toolkit.data.photo_facts import read_headers
from toolkit.data.segmentation import why_empty
from toolkit.errors import UsageError
from toolkit.plugin.reader import Annotation, ImageRecord
from toolkit.progress import Progress
from toolkit.wording import counted, some_of

OnEmpty = Literal["refuse", "skip"]
"""What becomes of an annotation that covers no pixel."""

RECIPE_OPTION = 'data.on_empty = "skip"'
_SHOWN = 3


def without_empty(
    images: Sequence[ImageRecord],
    file: Path,
    root: Path,
    on_empty: OnEmpty,
    progress: Progress,
    *,
    option: str = RECIPE_OPTION,
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
        UsageError: there are such annotations, and they are not to be left out; or the photo of one
            has another size than its record, which is why the outline lies outside.
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
    _refuse_other_sizes([images[row] for row in dict.fromkeys(row for row, _ in empty)], file, root)
    if on_empty == "refuse":
        raise UsageError(
            message,
            f"Their objects would be background. {check_command(file, root)} lists all of them: "
            f"correct them, or leave them out with {option}.",
        )
    progress.say(f"warning: {message}; they are left out")
    return tuple(_drop_empty(record, row, empty) for row, record in enumerate(images))


def _refuse_other_sizes(records: Sequence[ImageRecord], file: Path, root: Path) -> None:
    """Refuse images whose record has neither the photo's stored size nor the one that EXIF gives.

    Without this a wrong width would look like a bad outline. Missing and broken photos are
    reported where they are needed.
    """
    wrong = []
    headers = read_headers(root, [record.file_name for record in records])
    for record, header in zip(records, headers, strict=True):
        if not isinstance(header, Header):
            continue
        try:
            if header.size(oriented=not record.oriented) != (record.width, record.height):
                require_size(Path(record.file_name), record, header)
        except ImageSizeError as error:
            wrong.append(error)
    if wrong:
        raise UsageError(
            f"{file}: {counted(len(wrong), 'image has', 'images have')} another size than the file "
            "says, so that outlines lie outside: "
            f"{some_of([error.message for error in wrong], _SHOWN)}",
            wrong[0].hint,
        )


def _drop_empty(record: ImageRecord, row: int, empty: dict[tuple[int, int], str]) -> ImageRecord:
    kept: tuple[Annotation, ...] = tuple(
        annotation
        for position, annotation in enumerate(record.annotations)
        if (row, position) not in empty
    )
    return record if len(kept) == len(record.annotations) else replace(record, annotations=kept)
