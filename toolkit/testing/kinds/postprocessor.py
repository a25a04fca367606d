"""The contract of a postprocessor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.interfaces import Context
from toolkit.testing import alignment, samples
from toolkit.testing.contract import Rule, Subject, require

_H, _W = 20, 27


def _inputs(context: Context) -> Iterator[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Yield soft maps, then maps of only 0 and 1, each with an image; all read-only."""
    rng = np.random.default_rng(0)
    soft = samples.probabilities(rng, context.n_classes, _H, _W)
    one_hot = np.eye(context.n_classes, dtype=np.float32)[:, soft.argmax(axis=0)]
    certain = np.ascontiguousarray(one_hot)
    image = samples.image(rng, _H, _W)
    for array in (certain, image):
        array.flags.writeable = False
    yield soft, image
    yield certain, image


def keeps_maps(subject: Subject) -> None:
    """Returns float32 probabilities of the same shape that sum to 1 over the classes."""
    step = subject.component
    for maps, image in _inputs(subject.context):
        result = step(maps, image)
        require(isinstance(result, np.ndarray), f"it returned {type(result).__name__}")
        require(result.dtype == np.float32, f"it returned {result.dtype}, not float32")
        require(result.shape == maps.shape, f"{maps.shape} became {result.shape}")
        require(bool(np.isfinite(result).all()), "some values are not finite")
        require(bool((result >= 0).all()), f"the lowest value is {result.min():.3g}")
        off = float(np.abs(result.sum(axis=0) - 1).max())
        require(off < 1e-3, f"sums over the classes are off by up to {off:.3g}")


def keeps_places(subject: Subject) -> None:
    """Leaves things where they are: clear maps do not come back mirrored, turned or moved."""
    rng = np.random.default_rng(0)
    mask = alignment.areas(rng, 64, 64, subject.context.n_classes)
    photo, _ = alignment.photos(rng, mask)
    clear = np.eye(subject.context.n_classes, dtype=np.float32)[mask].transpose(2, 0, 1)
    maps = np.ascontiguousarray(0.9 * clear + 0.1 / subject.context.n_classes, np.float32)
    labels = subject.component(maps, photo).argmax(axis=0)
    here = float(np.mean(labels == mask))
    best, where = max(
        (float(np.mean(labels[part] == moved)), words)
        for words, part, moved in alignment.displacements(mask)
    )
    require(
        best <= here + 0.02,
        f"{here:.0%} of the pixels keep a clear label, {best:.0%} have that of the map {where}",
    )


def is_deterministic(subject: Subject) -> None:
    """Gives the same maps every time."""
    step = subject.component
    for maps, image in _inputs(subject.context):
        require(np.array_equal(step(maps, image), step(maps, image)), "two calls differ")


def leaves_inputs(subject: Subject) -> None:
    """Leaves maps and image as they were."""
    step = subject.component
    for maps, image in _inputs(subject.context):
        mine, picture = maps.copy(), image.copy()
        step(mine, picture)
        require(np.array_equal(mine, maps), "it changed the maps in place")
        require(np.array_equal(picture, image), "it changed the image in place")


RULES: tuple[Rule, ...] = (keeps_maps, keeps_places, is_deterministic, leaves_inputs)
