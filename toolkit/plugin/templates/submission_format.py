"""template_name: one JSON object per line, with rows of labels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toolkit import Component, Context, UsageError, hookimpl
from toolkit.plugin.kinds import Nearest

Side = Annotated[int, Field(ge=1, le=4096)]


class JsonLines:
    """Writes and reads lines such as {"id": "a.jpg", "labels": [[0, 1], [0, 0]]}."""

    suffix = ".jsonl"

    def __init__(self, size: tuple[int, int], nearest: Nearest) -> None:
        self.size = size
        self.nearest = nearest

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Write (image id, labels of any size), resized to the file's size as the contest's are."""
        from toolkit.data.resize import Sampling

        sampling = Sampling(self.size, self.nearest)
        for image_id, labels in rows:
            line = json.dumps({"id": image_id, "labels": sampling(labels).tolist()})
            target.write(line.encode() + b"\n")

    def read(self, path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield (image id, labels); a broken line raises a UsageError that names it."""
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                try:
                    row = json.loads(line)
                    labels = np.array(row["labels"], dtype=np.uint8)
                    image_id = str(row["id"])
                except (ValueError, KeyError, TypeError, OverflowError) as error:
                    raise UsageError(f"{path}:{number}: not a row of labels ({error})") from None
                if labels.shape != tuple(self.size):
                    raise UsageError(f"{path}:{number}: {labels.shape} labels, not {self.size}")
                yield image_id, labels


def make(
    context: Context, *, size: tuple[Side, Side] = (256, 256), nearest: Nearest = "corner"
) -> JsonLines:
    """Make the format.

    Args:
        size: (height, width) of the labels in the file.
        nearest: which pixel nearest neighbour takes, as the contest resizes its truth.
    """
    return JsonLines(size, nearest)


@hookimpl
def trash_submission_formats() -> list[Component]:
    """Offer the format under the name that recipes use."""
    return [Component("template_name", make, "one JSON object per line")]
