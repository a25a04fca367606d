"""What names of files and folders say of the split that they are of."""

from __future__ import annotations

import re
from collections.abc import Sequence

TRUTH = ("truth", "gt", "solution")
TEST = ("test", "unlabel", "infer")
VAL = ("val", "dev", "eval")
TRAIN = ("train",)
WHOLE = ("all", "full", "total")
SPLITS = (*TRAIN, *VAL, *TEST, *TRUTH)
_PART = re.compile("[a-z]+")


def says(name: str, words: Sequence[str]) -> bool:
    """Whether a part of a name begins so: train2017 is train, small is not all."""
    return any(part.startswith(tuple(words)) for part in _PART.findall(name.casefold()))


def split_of(name: str) -> str | None:
    """Return "train", "val" or "test", the first that a name or a path says; None = none."""
    for part in _PART.findall(name.casefold()):
        for split, words in (("train", TRAIN), ("val", VAL), ("test", TEST)):
            if part.startswith(words):
                return split
    return None
