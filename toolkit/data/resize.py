"""All resizing of images, masks, maps and objects, with one convention for pixel centres.

Pixel (row, column) is the square [row, row + 1] × [column, column + 1], and both sizes share one
frame: a point at 30 % of the height and width stays at 30 % of them, in photo, mask and map alike
(PyTorch's `align_corners=False`, OpenCV's INTER_AREA and INTER_LINEAR).

OpenCV's INTER_NEAREST, PyTorch's "nearest" and so albumentations take the top left pixel of those
that a new pixel covers: labels resized with them lie (scale − 1) / 2 pixels below and to the right
of their photo. Contests that make their files that way have the rule "corner", for them alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.channels import by_channels
from toolkit.plugin.kinds import Nearest

if TYPE_CHECKING:
    from torch import Tensor

RESIZING = 2
"""Part of the key of all that is kept of resized pixels: raise it when the same input gives others.
1 was INTER_NEAREST for masks."""

Size = tuple[int, int]
"""(height, width), pixels."""

NEAREST_RULES: tuple[Nearest, ...] = get_args(Nearest)

_FLAGS = {"corner": cv2.INTER_NEAREST, "centre": cv2.INTER_NEAREST_EXACT}


def resize_image(image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize an image, or a channel of it: area average along an axis that shrinks, else linear.

    Args:
        image: uint8 (H, W, channels) or (H, W).
        size: of the result.
    """
    return np.asarray(_average(image, size), dtype=np.uint8)


def random_places(old: Size, new: Size, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return for every pixel of a new size one that it covers, drawn in proportion to the area.

    The values there are on average those of an area average, in a fraction of its time.

    Args:
        old: size before.
        new: size of the result.
        rng: where the places come from.

    Returns:
        Numbers of pixels, counted row by row, (H, W).
    """
    lines = np.arange(new[0], dtype=np.float32)[:, None], np.arange(new[1], dtype=np.float32)
    rows, columns = (
        np.minimum((line + rng.random(new, dtype=np.float32)) * (before / after), before - 1)
        for line, before, after in zip(lines, old, new, strict=True)
    )
    return np.asarray(rows.astype(np.intp) * old[1] + columns.astype(np.intp), dtype=np.intp)


def resize_tensor(maps: Tensor, size: Size) -> Tensor:
    """Return maps (B, C, h, w), logits as a rule, at another size, bilinearly.

    Args:
        maps: on any device.
        size: of the result.
    """
    from torch.nn import functional

    if maps.shape[-2:] == size:
        return maps
    return functional.interpolate(maps, size, mode="bilinear", align_corners=False)


def _average(array: NDArray[Any], size: Size) -> Any:
    # Along one axis after the other: where one side grows and the other shrinks, INTER_AREA would
    # take single pixels along the side that shrinks, beside their place.
    height, width = array.shape[:2]
    smaller = min(height, size[0]), min(width, size[1])

    def resized(part: Any) -> Any:
        if smaller != (height, width):
            part = cv2.resize(part, smaller[::-1], interpolation=cv2.INTER_AREA)
        if size != smaller:
            part = cv2.resize(part, size[::-1], interpolation=cv2.INTER_LINEAR)
        return part

    return by_channels(array, resized)


def resize_labels(labels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize labels, or the mask of an object: a pixel takes the label that covers most of it.

    The ignored label counts as any other. Where labels cover equal parts the larger one wins: an
    object before the background, doubt before both; on which side of a pixel it lies does not
    matter, so nothing moves. Where both sides grow, a pixel takes the label of the pixel that
    covers most of it, which is quick enough for every sample of a training.

    It was chosen by what a network could reach at best: true masks of the validation images resized
    to its input, and back bilinearly; mIoU over all classes (bags, TACO):

        rule               bags 160   bags 96   TACO 224   TACO 128   lost at 224, 128 (of 181)
        corner             .969       .955      .893       .853       15, 33
        centre             .985       .975      .942       .902       13, 24
        most of the area   .986       .977      .946       .909       17, 42

    So it is the most faithful to the pixel; what is lost are objects that cover less than half of
    any pixel, of which the other rules keep single pixels here and there. Taking the object from
    40 % of the area on keeps more of them (.946 and .910 on TACO, 6 and 34 lost) and makes all
    others thicker than they are (.985 and .976 on bags).

    Args:
        labels: uint8 (H, W).
        size: of the result.
    """
    if labels.shape == size:
        return labels
    if size[0] >= labels.shape[0] and size[1] >= labels.shape[1]:
        return _enlarge(labels, size)
    counts = cv2.calcHist([labels], [0], None, [256], [0, 256])
    found = np.flatnonzero(counts)[::-1]
    resized = np.full(size, found[-1], np.uint8)
    most, rest = np.zeros(size), np.full(size, float(labels.size))
    for label in found[:-1].tolist():
        covered = _coverage(labels == label, size)
        rest -= covered
        resized[covered > most] = label
        np.maximum(most, covered, out=most)
    resized[rest > most] = found[-1]
    return resized


def is_kept(shown: NDArray[np.bool_], size: Size) -> bool:
    """Return whether an object, alone in its image, has a pixel after `resize_labels`.

    Args:
        shown: bool (H, W), its pixels.
        size: of the result.
    """
    if size[0] >= shown.shape[0] and size[1] >= shown.shape[1]:
        return bool(shown.any())
    shown = np.ascontiguousarray(shown)
    return bool((2 * _coverage(shown, size) >= shown.size).any())


def resize_shape(alpha: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Resize the mask of one object, 255 inside and 0 outside: inside is where most of a pixel is.

    An exact half is inside, as in `resize_labels`. As quick as an image of one channel; where a
    side grows, edges are smooth, not stepped.

    Args:
        alpha: uint8 (H, W).
        size: of the result.
    """
    if alpha.shape == size:
        return alpha
    # In floats: bytes are rounded after each axis, and a half would come out on either side. What
    # is rounded here is far below .01, which is 1/25,000 of a pixel.
    shares = _average(alpha.astype(np.float32), size)
    return np.where(shares >= 127.49, np.uint8(255), np.uint8(0))


def _coverage(shown: NDArray[np.bool_], size: Size) -> NDArray[np.float64]:
    """Return how much of every new pixel is covered, as a whole number: all of it is H × W."""
    pixels = shown.view(np.uint8)
    left, top, width, height = cv2.boundingRect(pixels)
    # Within a pixel the sum over all that is above and to the left grows linearly along both axes.
    # Whole numbers: equal parts are found to be equal.
    sums = np.asarray(cv2.integral(pixels[top : top + height, left : left + width]))
    down = _between_edges(sums, top, shown.shape[0], size[0])
    across = _between_edges(np.asarray(cv2.transpose(down)), left, shown.shape[1], size[1])
    return np.asarray(cv2.transpose(across), dtype=np.float64)


def _between_edges(sums: NDArray[Any], start: int, old: int, new: int) -> NDArray[np.float64]:
    """Return what lies in each of `new` pixels along axis 0.

    Args:
        sums: up to the edges of a part of the `old` pixels.
        start: the first of these.
        old: pixels before.
        new: pixels afterwards.
    """
    last = len(sums) - 1
    edges = np.clip(np.arange(new + 1) * old - start * new, 0, last * new)
    before, part = np.divmod(edges, new)
    part = part[:, None].astype(np.float64)
    at_edges = sums[before] * (new - part)
    at_edges += sums[np.minimum(before + 1, last)] * part
    return np.asarray(at_edges[1:] - at_edges[:-1], dtype=np.float64)


def _enlarge(labels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    # Whole rows are copied ten times as quickly as single columns.
    wider = cv2.transpose(_more_rows(np.asarray(cv2.transpose(labels), np.uint8), size[1]))
    return _more_rows(np.asarray(wider, np.uint8), size[0])


def _more_rows(labels: NDArray[np.uint8], new: int) -> NDArray[np.uint8]:
    first, last = _nearest_places(len(labels), new)
    taken = labels[last]
    return taken if first is last else np.maximum(taken, labels[first], out=taken)


@lru_cache(maxsize=256)
def _nearest_places(old: int, new: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first and the last of the equally near pixels along an axis that grows."""
    # In units of half a new pixel of which an old one has 2 × new: centres are at odd multiples.
    centres = (2 * np.arange(new, dtype=np.intp) + 1) * old
    last = centres // (2 * new)
    first = np.maximum(centres - 1, 0) // (2 * new)
    return (last, last) if np.array_equal(first, last) else (first, last)


@dataclass(frozen=True)
class Sampling:
    """How labels get the size of a contest's file: single pixels are taken, by nearest neighbour.

    The contest resizes its truth in this way, so what is compared with it must be resized in the
    same way. An argmax may come before or after it.

    Attributes:
        size: (height, width) of the maps in the file, pixels.
        nearest: which pixel is the nearest.
    """

    size: Size
    nearest: Nearest = "corner"

    def __call__(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return labels, uint8 (H, W), at the size of the file."""
        if labels.shape == self.size:
            return labels
        flag = _FLAGS[self.nearest]
        return np.asarray(cv2.resize(labels, self.size[::-1], interpolation=flag), dtype=np.uint8)

    def places(self, size: Size) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows and the columns that are taken of labels of `size`."""
        return (
            _sampled_places(size[0], self.size[0], self.nearest),
            _sampled_places(size[1], self.size[1], self.nearest),
        )

    def restore(self, labels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
        """Return labels of a file at the size of their image, each at the place it was taken from.

        Every pixel takes the label of the nearest of those pixels, the larger label of two that are
        equally near.

        Args:
            labels: uint8 (h, w), as the file has them.
            size: of the image.
        """
        if labels.shape == size:
            return labels
        for axis, places in enumerate(self.places(size)):
            first, last = _between(places, size[axis])
            labels = np.maximum(labels.take(first, axis), labels.take(last, axis))
        return labels


@lru_cache(maxsize=256)
def _sampled_places(old: int, new: int, nearest: Nearest) -> NDArray[np.intp]:
    # By OpenCV itself: its product of the number and the scale is rounded.
    numbers = np.arange(old, dtype=np.float32)[None]
    taken = cv2.resize(numbers, (new, 1), interpolation=_FLAGS[nearest])
    return np.asarray(taken[0], np.intp)


def _between(places: NDArray[np.intp], length: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the nearest of the ascending places to each of `length`: first and last of equals."""
    pixels = np.arange(length)
    after = np.searchsorted(places, pixels).clip(1, max(len(places) - 1, 1))
    before = np.minimum(after - 1, len(places) - 1)
    after = np.minimum(after, len(places) - 1)
    left, right = np.abs(pixels - places[before]), np.abs(places[after] - pixels)
    return np.where(left <= right, before, after), np.where(right <= left, after, before)
