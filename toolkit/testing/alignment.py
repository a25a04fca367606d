"""Test photos whose colours encode their labels, to check that photo and mask stay aligned.

Two photos with opposite colours go through the component. Their difference shows the colour of a
label whatever was done to brightness, contrast or hue, and nothing where the photo was covered.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.wording import counted

N_CODES = 4
_CODES = np.array([[1, 1, -1], [1, -1, 1], [-1, 1, 1], [-1, -1, -1]])
"""Colour of each label against grey, RGB: far from each other in any two channels, too."""

_CONTRAST = 60
_TEXTURE = 12
_CELL = 16
_VISIBLE = 12
"""A smaller difference of the two photos, in grey levels, shows nothing."""

_FAR_SHIFT = 4
_MISFIT = 0.02
"""Share of wrong pixels beside borders of labels that interpolation and blur may cause."""
_BORDER_MISFIT = 0.02
"""Share of wrong pixels, borders too, from which on a displacement is looked for."""
_FEWEST = 0.03


def areas(rng: np.random.Generator, height: int, width: int, n_classes: int) -> NDArray[np.uint8]:
    """Return uint8 (H, W) labels in squares of 16 × 16 pixels, all of them coded by colours."""
    shape = -(-height // _CELL), -(-width // _CELL)
    cells = rng.integers(0, min(n_classes, N_CODES), shape, dtype=np.uint8)
    whole = cells.repeat(_CELL, axis=0).repeat(_CELL, axis=1)
    return np.ascontiguousarray(whole[:height, :width])


def photos(
    rng: np.random.Generator, mask: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return two uint8 RGB photos (H, W, 3) of a mask from `areas`, with opposite colours."""
    grey = 128 + rng.integers(-_TEXTURE, _TEXTURE + 1, (*mask.shape, 1))
    colours = _CONTRAST * _CODES[mask]
    return (grey + colours).astype(np.uint8), (grey - colours).astype(np.uint8)


def difference(photo: NDArray[np.uint8], opposite: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return float32 (H, W, 3): what the two photos show of the labels, in grey levels."""
    return photo.astype(np.float32) - opposite.astype(np.float32)


def blend_share(
    shown: NDArray[np.float32],
    mask: NDArray[np.uint8],
    second: NDArray[np.uint8],
) -> tuple[float, float]:
    """Return the share of the first of two masks in a photo, and how much both explain (0…1).

    The share is NaN where the two masks are nearly the same: no photo could tell it.

    Args:
        shown: float32 (H, W, 3), a `difference`.
        mask: uint8 (H, W) of labels from `areas`.
        second: the same.
    """
    terms = [_CODES[labels].astype(np.float32).ravel() for labels in (mask, second)]
    values = shown.ravel()
    factors, *_ = np.linalg.lstsq(np.stack(terms, axis=1), values, rcond=None)
    rest = values - factors[0] * terms[0] - factors[1] * terms[1]
    explained = 1 - float(np.square(rest).sum() / max(np.square(values).sum(), 1))
    alike = float(terms[0] @ terms[1]) / float(np.square(terms[0]).sum())
    share = factors[0] / max(factors.sum(), 1) if alike < 0.9 else np.nan
    return float(share), explained


def visible_pixels(shown: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return bool (H, W): where something of the photo is left."""
    found: NDArray[np.bool_] = np.abs(shown).max(axis=2) >= _VISIBLE
    return found


def misplacement(shown: NDArray[np.float32], mask: NDArray[np.uint8], n_classes: int) -> str:
    """Return how a mask does not fit its photo; empty when it fits, or too little is visible.

    Args:
        shown: float32 (H, W, 3), a `difference`.
        mask: uint8 (H, W) of labels from `areas`; other values are not judged.
        n_classes: number of classes that `areas` was given.
    """
    n_codes = min(n_classes, N_CODES)
    seen = visible_pixels(shown) & (mask < n_codes)
    inner = seen & _away_from_borders(mask)
    if inner.mean() < _FEWEST:
        return ""
    # As it is: grey photos have no other colours. Of length 1: shadows make equal colours unequal.
    length = np.linalg.norm(shown, axis=2, keepdims=True)
    wrong, colours = min(
        ((_misfit(one, mask, inner), one) for one in (shown, shown / np.maximum(length, 1))),
        key=lambda pair: pair[0],
    )
    all_wrong = _misfit(colours, mask, seen)
    if wrong <= _MISFIT and all_wrong <= _BORDER_MISFIT:
        return ""
    best, where = min(
        (_misfit(colours[part], moved, seen[part] & (moved < n_codes)), words)
        for words, part, moved in displacements(mask)
    )
    fits = best < all_wrong / 3
    if wrong <= _MISFIT and not fits:
        return ""
    what = f"{max(wrong, all_wrong):.0%} of the photo's pixels have the colour of another label"
    return f"{what}: its mask fits when it is {where}" if fits else what


def _away_from_borders(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    window = np.ones((3, 3), np.uint8)
    same: NDArray[np.bool_] = cv2.erode(mask, window) == cv2.dilate(mask, window)
    return same


def _misfit(
    direction: NDArray[np.float32], mask: NDArray[np.uint8], judged: NDArray[np.bool_]
) -> float:
    """Return the share of the judged pixels whose colour is nearer to the mean of another label."""
    labels, colours = mask[judged], direction[judged]
    counts = np.bincount(labels, minlength=N_CODES)
    present = np.flatnonzero(counts[:N_CODES] >= 0.01 * len(labels))
    if len(present) < 2:
        return 0.0
    means = np.stack([colours[labels == label].mean(axis=0) for label in present])
    # |colour − mean|² without |colour|², which is the same for every mean.
    nearness = colours @ means.T - 0.5 * np.square(means).sum(axis=1)
    known = np.isin(labels, present)
    return float(np.mean(present[nearness.argmax(axis=1)][known] != labels[known]))


def displacements(
    mask: NDArray[np.uint8],
) -> Iterator[tuple[str, tuple[slice, slice], NDArray[np.uint8]]]:
    """Yield in words, the part of the photo that is covered, and the mask (H, W) moved onto it."""
    whole = slice(None), slice(None)
    yield "mirrored left and right", whole, mask[:, ::-1]
    yield "mirrored top and bottom", whole, mask[::-1]
    yield "turned by 180°", whole, mask[::-1, ::-1]
    if mask.shape[0] == mask.shape[1]:
        yield "turned by 90°", whole, np.rot90(mask)
        yield "turned by 270°", whole, np.rot90(mask, 3)
        yield "mirrored at the main diagonal", whole, mask.T
        yield "mirrored at the other diagonal", whole, np.rot90(mask, 2).T
    steps = range(-_FAR_SHIFT, _FAR_SHIFT + 1)
    for down, right in ((down, right) for down in steps for right in steps if down or right):
        to, of = zip(*(_overlap(step) for step in (down, right)), strict=True)
        yield (
            f"moved by {counted(down, 'row', 'rows')} and {counted(right, 'column', 'columns')}",
            (to[0], to[1]),
            mask[of],
        )


def _overlap(step: int) -> tuple[slice, slice]:
    """Return where an array lies that is moved by `step`, and which part of it."""
    if step == 0:
        return slice(None), slice(None)
    if step > 0:
        return slice(step, None), slice(None, -step)
    return slice(None, step), slice(-step, None)
