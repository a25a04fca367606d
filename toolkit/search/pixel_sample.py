"""A random sample of held-out pixels, to fit a few hundred numbers to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.progress import Progress
from toolkit.search.held_out import HeldOut
from toolkit.seeds import Stream, generator

_PER_IMAGE = 2048
_MOST_BYTES = 1 << 26


@dataclass(frozen=True)
class PixelSample:
    """Labelled pixels, the same number of each image as far as it has them.

    Attributes:
        maps: float32 (members, C, pixels), probabilities.
        target: uint8 (pixels,), true labels.
        image: intp (pixels,), which image each is of.
    """

    maps: NDArray[np.float32]
    target: NDArray[np.uint8]
    image: NDArray[np.intp]


def sample_pixels(held_out: HeldOut, seed: int, progress: Progress) -> PixelSample:
    """Draw pixels of every held-out image at random; at most 64 MiB of maps."""
    rng = generator(Stream.PIXELS, seed)
    bytes_each = held_out.n_members * held_out.n_classes * 4
    most = max(1, min(_PER_IMAGE, _MOST_BYTES // bytes_each // held_out.n_images))
    maps, targets, images = [], [], []
    with progress.bar("sampling pixels", held_out.n_images, "images") as bar:
        for image in range(held_out.n_images):
            target = held_out.target(image)
            labelled = np.flatnonzero(target != held_out.ignore_index)
            chosen = rng.permutation(labelled)[:most]
            maps.append(np.stack([each[:, 0, chosen] for each in held_out.maps(image)]))
            targets.append(target[chosen])
            images.append(np.full(len(chosen), image, np.intp))
            bar.advance()
    return PixelSample(
        np.concatenate(maps, axis=2), np.concatenate(targets), np.concatenate(images)
    )
