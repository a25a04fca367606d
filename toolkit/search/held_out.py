"""Labelled images that no member was trained on, with every member's maps of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.data.masks import open_masks
from toolkit.data.resize import Sampling
from toolkit.data.split import Split
from toolkit.ensemble.combine import MemberMaps, check_agreement
from toolkit.errors import UsageError
from toolkit.progress import Progress


@dataclass(frozen=True)
class HeldOutPart:
    """Images that are validated together: the validation split, or one fold of several.

    Attributes:
        split: the images, labelled.
        stores: the members' maps of them, in the order of the members.
    """

    split: Split
    stores: tuple[MemberMaps, ...]


class HeldOut:
    """All parts as one list of images, at the size of the leaderboard's files.

    An argmax and a choice of pixels can change places, so that maps are sampled first and combined
    afterwards: the labels are those of `decide` and `sampling`, several times faster.

    Args:
        parts: at least one; every part has the same members and classes.
        sampling: how labels get the size of the contest's file, the truth as the predictions.
        cache: folder of caches, for the masks.
        progress: told while masks are painted.

    Attributes:
        parts: as given.
        sampling: as given.
        n_images: images in all parts.
        n_members: members.
        class_names: index = label.
        ignore_index: label of pixels that count for nothing.

    Raises:
        UsageError: the stores of a part differ, or parts have other members or classes.
    """

    def __init__(
        self, parts: Sequence[HeldOutPart], sampling: Sampling, cache: Path, progress: Progress
    ) -> None:
        first = parts[0]
        for part in parts:
            check_agreement(part.stores)
            if len(part.stores) != len(first.stores):
                raise UsageError("the folds have different numbers of members")
            if part.split.labels.class_names != first.split.labels.class_names:
                raise UsageError("the folds have different classes")
        self.parts = tuple(parts)
        self.sampling = sampling
        self.n_members = len(first.stores)
        self.class_names = first.split.labels.class_names
        self.ignore_index = first.split.ignore_index
        self._masks = [
            open_masks(part.split, cache, sampling.size, progress, nearest=sampling.nearest)
            for part in parts
        ]
        self._rows = [(p, i) for p, part in enumerate(parts) for i in range(len(part.split))]
        self.n_images = len(self._rows)

    @property
    def n_classes(self) -> int:
        """Number of labels, background included."""
        return len(self.class_names)

    def mask(self, image: int) -> NDArray[np.uint8]:
        """Return the true labels, uint8 (H, W), of an image."""
        part, position = self._rows[image]
        return np.asarray(self._masks[part][position])

    def target(self, image: int) -> NDArray[np.uint8]:
        """Return the true labels, uint8 (pixels,), of an image."""
        return self.mask(image).reshape(-1)

    def map(self, member: int, image: int) -> NDArray[np.float32]:
        """Return a member's probabilities, float32 (C, pixels), of an image."""
        part, position = self._rows[image]
        store = self.parts[part].stores[member]
        rows, columns = self.sampling.places(store.sizes[position])
        full = store.read(position)
        sampled = full[:, rows[:, None], columns]
        return sampled.reshape(len(full), -1)

    def native(self, image: int) -> tuple[Split, int, tuple[MemberMaps, ...]]:
        """Return where an image is: its split, its position there, and the members' stores."""
        part, position = self._rows[image]
        return self.parts[part].split, position, self.parts[part].stores

    def maps(self, image: int) -> Iterator[NDArray[np.float32]]:
        """Yield every member's map of an image, as float32 (C, 1, pixels): what ensemblers take."""
        for member in range(self.n_members):
            yield self.map(member, image)[:, None]
