"""Pairs of photos of a contest that look alike, in one split or in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.data.near_duplicates import hash_photos
from toolkit.data.perceptual_hash import near_photos
from toolkit.data.photo_facts import Fault
from toolkit.data.split import Split
from toolkit.progress import Progress


@dataclass(frozen=True)
class NearPair:
    """Two photos that look alike.

    Attributes:
        one: (split, position of the photo) of the one that comes first.
        other: of the other one.
        bits: bits of their hashes that differ, 0 … 40 of 255.
        mirrored: whether one looks like the mirror image of the other.
        is_same: whether both files have equal bytes.
    """

    one: tuple[Split, int]
    other: tuple[Split, int]
    bits: int
    mirrored: bool
    is_same: bool

    @property
    def crosses(self) -> bool:
        """Whether the photos are in two splits."""
        return self.one[0] is not self.other[0]


def near_pairs(splits: Sequence[Split], progress: Progress) -> list[NearPair]:
    """Return of each photo that looks like earlier ones the pair with the most alike of them.

    Pairs of two splits come first, then the most alike.

    Args:
        splits: of one contest, the training split first.
        progress: shows a bar when many photos have to be read.
    """
    places = [(split, row) for split in splits for row in range(len(split))]
    contents = [content for split in splits for content in split.contents]
    hashes: list[str | None] = []
    for split in splits:
        found = hash_photos(split.root, split.file_names, split.contents, split.cache, progress)
        hashes += [None if isinstance(each, Fault) else each for each in found]
    split_of = np.repeat(np.arange(len(splits)), [len(split) for split in splits])
    pairs = []
    for likeness in near_photos(hashes):
        # Of equally alike ones the photo of another split: that is what a score suffers from.
        is_inside = split_of[likeness.earlier] == split_of[likeness.row]
        best = int(np.argmin(2 * likeness.bits + is_inside))
        row, other = int(likeness.earlier[best]), likeness.row
        pairs.append(
            NearPair(
                places[row],
                places[other],
                int(likeness.bits[best]),
                bool(likeness.mirrored[best]),
                contents[row] == contents[other],
            )
        )
    return sorted(pairs, key=lambda pair: (not pair.crosses, pair.bits))
