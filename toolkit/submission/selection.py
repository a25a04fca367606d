"""Some images of a submission file."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.errors import UsageError
from toolkit.submission.aligned import Labels, Readable, read_together


def spread(image_ids: Sequence[str], count: int) -> list[str]:
    """Return up to `count` images at even distances."""
    count = min(count, len(image_ids))
    return [image_ids[place * len(image_ids) // count] for place in range(count)]


def pick(files: Sequence[Readable], image_ids: Sequence[str]) -> list[tuple[str, list[Labels]]]:
    """Return (image id, uint8 (H, W) labels of each file) of some images, in the order asked for.

    Reading stops at the last of them.

    Raises:
        UsageError: a file has no row of an image, one is broken before all are found, or the files
            do not go together.
    """
    found: dict[str, list[Labels]] = {}
    missing = set(image_ids)
    for image_id, labels in read_together(files):
        if image_id in missing:
            found[image_id] = labels
            missing.remove(image_id)
        if not missing:
            break
    if missing:
        first = next(image_id for image_id in image_ids if image_id in missing)
        raise UsageError(
            f"{files[0].path} has no row of {first}",
            f"See all problems: trash submission check {files[0].path}",
        )
    return [(image_id, found[image_id]) for image_id in image_ids]
