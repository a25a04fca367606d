"""The selector by a hand-made list of file names, and how such a list is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.rows import read_ids, read_lines, split_fields
from toolkit.plugin.interfaces import Prediction
from toolkit.postprocess.labels import argmax_labels
from toolkit.suggestions import did_you_mean

_COMMENT = re.compile(r"(^|\s)#.*")
_TABLE = ".csv"
_LONGEST_HEADER = 1 << 16


class FileList:
    """Keeps the images on a list, or rejects those on a list.

    Args:
        path: the list.
        keep: True: images that it does not list are rejected; False: those that it lists.

    Raises:
        UsageError: the file is missing, lists nothing or is no text.
    """

    def __init__(self, path: Path, keep: bool) -> None:
        self._path = path
        self._listed = read_file_list(path)
        self._names = frozenset(self._listed)
        self._keep = keep

    def expect(self, file_names: Sequence[str]) -> None:
        """Refuse names that are no image of the set.

        Raises:
            UsageError: with the nearest image.
        """
        # The first line of a table is its header, unless it is an image.
        listed = self._listed[1:] if self._path.suffix.lower() == _TABLE else self._listed
        images = frozenset(file_names)
        unknown = [name for name in listed if name not in images]
        if unknown:
            more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
            raise UsageError(
                f"{self._path} lists {unknown[0]}, which is not one of the {len(file_names)} "
                f"images{more}",
                did_you_mean(unknown[0], file_names, limit=3),
                parameter="file",
            )

    def __call__(self, prediction: Prediction) -> NDArray[np.uint8] | None:
        """Return the labels (H, W), or None."""
        if (prediction.file_name in self._names) is not self._keep:
            return None
        return argmax_labels(prediction.probabilities)


def read_file_list(path: Path) -> tuple[str, ...]:
    """Return what a text file lists, or the first column of a CSV file with its header.

    In a text file each line is a name; `#`, at its beginning or after a space, begins a comment.

    Raises:
        UsageError: the file is missing, lists nothing or is no text.
    """
    if not path.is_file():
        raise UsageError(
            f"there is no list of files at {path}",
            "Paths are relative to the project folder.",
            parameter="file",
        )
    try:
        if path.suffix.lower() == _TABLE:
            names = (*_header(path), *read_ids(path))
        else:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
            names = tuple(name for line in lines if (name := _COMMENT.sub("", line).strip()))
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text ({error.reason})", parameter="file") from None
    if not names:
        raise UsageError(f"{path} lists no file", "Write one name per line.", parameter="file")
    return names


def _header(path: Path) -> list[str]:
    """Return the first field of a CSV file, if it has any."""
    for line in read_lines(path, _LONGEST_HEADER):
        fields = split_fields(line.content)
        return [fields[0].decode("utf-8-sig")] if fields else []
    return []
