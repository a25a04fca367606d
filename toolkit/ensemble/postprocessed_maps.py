"""Members that are postprocessed before they are combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.split import Split
from toolkit.ensemble.combine import MemberMaps
from toolkit.postprocess.chain import Chain


@dataclass(frozen=True)
class PostprocessedMaps:
    """A member's maps with postprocessing of its own, applied whenever a map is read.

    Attributes:
        store: the member's maps.
        split: the images that they are of.
        chain: the postprocessors.
    """

    store: MemberMaps
    split: Split
    chain: Chain

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of every label, in label order."""
        return self.store.class_names

    @property
    def file_names(self) -> tuple[str, ...]:
        """The images, in order."""
        return self.store.file_names

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Native (height, width) of every image."""
        return self.store.sizes

    def read(self, position: int) -> NDArray[np.float32]:
        """Return the postprocessed map of an image: float32 (C, H, W)."""
        image = read_picture(self.split.path(position), self.split.images[position])
        return self.chain(self.store.read(position), image)


def postprocessed_maps(
    stores: Sequence[MemberMaps], split: Split, chain: Chain
) -> Sequence[MemberMaps]:
    """Return the stores with a chain after each of them; as they are when it has no step."""
    return [PostprocessedMaps(store, split, chain) for store in stores] if chain.steps else stores
