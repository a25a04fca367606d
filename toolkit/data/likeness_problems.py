"""What `trash data check` says of photos that look alike, in one split or in two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.data.perceptual_hash import BITS, Likeness, near_photos
from toolkit.data.problems import DataProblem


@dataclass(frozen=True)
class HashedSplit:
    """The photos of one annotation file.

    Attributes:
        file: name of the annotation file.
        contents: digest of each photo's content, by file name.
        hashes: of the photos in the order of `contents`; None and "" are like nothing.
    """

    file: str
    contents: Mapping[str, str]
    hashes: Sequence[str | None]


def likeness_problems(splits: Sequence[HashedSplit]) -> list[list[DataProblem]]:
    """Return of each split its photos that look like others before them, with the most alike one.

    Photos of equal content are left out: they are told as copies.

    Args:
        splits: of one contest, the training split first.
    """
    names = [name for split in splits for name in split.contents]
    contents = [content for split in splits for content in split.contents.values()]
    split_of = np.repeat(np.arange(len(splits)), [len(split.contents) for split in splits])
    found: list[list[DataProblem]] = [[] for _ in splits]
    for likeness in near_photos([each for split in splits for each in split.hashes]):
        own = split_of[likeness.row]
        others = np.array([contents[row] for row in likeness.earlier]) != contents[likeness.row]
        is_inside = split_of[likeness.earlier] == own
        for kind, chosen in (
            ("near-duplicate in another split", others & ~is_inside),
            ("near-duplicates", others & is_inside),
        ):
            if chosen.any():
                best = int(np.argmin(np.where(chosen, likeness.bits, BITS)))
                row = int(likeness.earlier[best])
                other = names[row]
                if split_of[row] != own:
                    other += f" of {splits[split_of[row]].file}"
                detail = _detail(likeness, best, other, int(chosen.sum()) - 1)
                found[own].append(DataProblem(kind, names[likeness.row], detail, error=False))
    return found


def _detail(likeness: Likeness, best: int, other: str, n_more: int) -> str:
    mirrored = ", mirrored" if likeness.mirrored[best] else ""
    detail = f"looks like {other} ({likeness.bits[best]} of {BITS} bits differ{mirrored})"
    return f"{detail} and {n_more} more" if n_more else detail
