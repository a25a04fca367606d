"""Native crops: parts of photos at their own resolution, in place of photos that are resized.

For training, a part is drawn anew each time; for validation, windows cover each photo once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.array_store import Arrays
from toolkit.data.channels import by_channels
from toolkit.data.resize import Size, resize_image, resize_labels
from toolkit.errors import UsageError
from toolkit.metrics.scores import Metrics
from toolkit.recipe.schema import Data, Recipe
from toolkit.recipe.training_images import NativeCrops
from toolkit.recipe.views import Tiling, read_views

TRIES = 10
"""Most parts that are drawn for one sample, as in mmsegmentation's RandomCrop."""


@dataclass(frozen=True)
class Window:
    """A part of an image; it may reach beyond the image's edges.

    Attributes:
        top: first row, negative above the image.
        left: first column, negative beside the image.
        height: rows.
        width: columns.
    """

    top: int
    left: int
    height: int
    width: int

    def cut_image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the part of an image (H, W, N); beyond its edges is its reflection, as in tiles.

        Nothing but the part is read of an image that is mapped from a file.
        """
        inside, borders = self._inside(image.shape)
        if not any(borders):
            return image[inside]
        # Sides shorter than the border are reflected again and again.
        return by_channels(
            image[inside], lambda part: cv2.copyMakeBorder(part, *borders, cv2.BORDER_REFLECT_101)
        )

    def cut_mask(self, mask: NDArray[np.uint8], ignore_index: int) -> NDArray[np.uint8]:
        """Return the part of a mask (H, W); beyond its edges it is ignored."""
        inside, borders = self._inside(mask.shape)
        if not any(borders):
            return mask[inside]
        border = cv2.BORDER_CONSTANT
        return np.asarray(
            cv2.copyMakeBorder(mask[inside], *borders, border, value=ignore_index), np.uint8
        )

    def _inside(
        self, shape: Sequence[int]
    ) -> tuple[tuple[slice, slice], tuple[int, int, int, int]]:
        bottom, right = self.top + self.height, self.left + self.width
        rows = slice(max(self.top, 0), min(bottom, shape[0]))
        columns = slice(max(self.left, 0), min(right, shape[1]))
        borders = rows.start - self.top, bottom - rows.stop
        return (rows, columns), (*borders, columns.start - self.left, right - columns.stop)


@dataclass(frozen=True)
class Cropping:
    """Draws the part of a photo that is trained on; all of it comes from the sample's generator.

    The image is scaled by a random factor, and a part as large as the network's input is cut out:
    a part of input / factor native pixels is read and resized. A photo that is smaller is in the
    middle of it; what lies beyond is its reflection, and ignored.

    Some parts must show a class that is drawn from those of the photo, each alike: a pixel of it,
    also drawn, is in the middle, unless the photo's edge is nearer (nnU-Net, Isensee et al. 2021).
    A part in which one class has a larger share of the labelled pixels than `class_cap`, background
    included, is drawn again, at another place or around another pixel, ten times at most
    (mmsegmentation's cat_max_ratio); the last one is taken as it is.

    Attributes:
        rule: as the recipe says.
        size: (height, width) of the network's input.
        ignore_index: label of pixels that count for nothing.
        holds: which photo shows which label, bool (photos, labels); label 0 is background.
    """

    rule: NativeCrops
    size: Size
    ignore_index: int
    holds: NDArray[np.bool_]

    def __call__(
        self,
        image: NDArray[np.uint8],
        mask: NDArray[np.uint8],
        row: int,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return a part of a photo and of its labels, of `size`.

        Args:
            image: uint8 (H, W, channels), at the photo's own size.
            mask: uint8 (H, W).
            row: of the photo in `holds`.
            rng: of the sample.
        """
        window = self.draw(mask, row, rng)
        part, labels = window.cut_image(image), window.cut_mask(mask, self.ignore_index)
        # Copies, because caches are read-only and an augmentation may write in place.
        if part.shape[:2] == self.size:
            return part.copy(), labels.copy()
        return resize_image(part, self.size), resize_labels(labels, self.size)

    def draw(self, mask: NDArray[np.uint8], row: int, rng: np.random.Generator) -> Window:
        """Return the part that is trained on."""
        factor = rng.uniform(*self.rule.scale)
        height, width = (max(1, round(side / factor)) for side in self.size)
        must_show = rng.random() < self.rule.foreground
        pixels = self._pixels_of_a_class(mask, row, rng) if must_show else None
        for _ in range(TRIES):
            middle: tuple[int | None, int | None] = (None, None)
            if pixels is not None:
                middle = divmod(int(pixels[rng.integers(len(pixels))]), mask.shape[1])
            window = Window(
                top=_start(mask.shape[0], height, middle[0], rng),
                left=_start(mask.shape[1], width, middle[1], rng),
                height=height,
                width=width,
            )
            if self._within_cap(window.cut_mask(mask, self.ignore_index)):
                break
        return window

    def _pixels_of_a_class(
        self, mask: NDArray[np.uint8], row: int, rng: np.random.Generator
    ) -> NDArray[np.intp] | None:
        """Return the pixels of a class that is drawn; None where the photo has none."""
        classes = 1 + np.flatnonzero(self.holds[row, 1:])
        if not len(classes):
            return None
        return np.flatnonzero(mask == classes[rng.integers(len(classes))])

    def _within_cap(self, labels: NDArray[np.uint8]) -> bool:
        counts = cv2.calcHist([labels], [0], None, [256], [0, 256])
        counts[self.ignore_index] = 0
        total = float(counts.sum(dtype=np.float64))
        return total > 0 and float(counts.max()) <= self.rule.class_cap * total


def _start(whole: int, length: int, middle: int | None, rng: np.random.Generator) -> int:
    """Return where a part begins along a side of a photo: anywhere inside, or around a pixel."""
    if length >= whole:
        return -((length - whole) // 2)
    if middle is None:
        return int(rng.integers(whole - length + 1))
    return min(max(middle - length // 2, 0), whole - length)


@dataclass(frozen=True)
class PhotoWindow:
    """One of the windows that cover a photo.

    Attributes:
        row: of the photo.
        window: the part.
        seen: its first (rows, columns), which the windows before it have too.
    """

    row: int
    window: Window
    seen: tuple[int, int]


def cover(sizes: Sequence[Size], size: Size) -> tuple[PhotoWindow, ...]:
    """Return windows of one size, side by side, that hold every pixel of every photo.

    The last ones of a row and of a column are moved back to the photo's edge; a photo that is
    smaller is in the middle of its window.

    Args:
        sizes: (height, width) of every photo.
        size: of the windows.
    """
    return tuple(
        PhotoWindow(row, Window(top, left, *size), (rows, columns))
        for row, photo in enumerate(sizes)
        for (top, rows), (left, columns) in product(
            *(_places(whole, length) for whole, length in zip(photo, size, strict=True))
        )
    )


def _places(whole: int, length: int) -> list[tuple[int, int]]:
    """Return (start, how much of it was seen) of the windows along a side."""
    if length >= whole:
        return [(-((length - whole) // 2), 0)]
    last = whole - length
    return [(min(start, last), max(start - last, 0)) for start in range(0, whole, length)]


@dataclass(frozen=True)
class ImageWindows:
    """The windows of photos, uint8 (H, W, channels), by their position among all of them."""

    images: Arrays
    windows: tuple[PhotoWindow, ...]

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        place = self.windows[index]
        return place.window.cut_image(self.images[place.row])


@dataclass(frozen=True)
class MaskWindows:
    """Their labels: over all windows, every pixel of a photo counts once; the rest is ignored."""

    masks: Arrays
    windows: tuple[PhotoWindow, ...]
    ignore_index: int

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        place = self.windows[index]
        mask = place.window.cut_mask(self.masks[place.row], self.ignore_index)
        rows, columns = place.seen
        if rows or columns:
            mask = mask.copy()
            mask[:rows] = mask[:, :columns] = self.ignore_index
        return mask


def require_fit_for_crops(recipe: Recipe, metrics: Metrics) -> None:
    """Refuse what cannot go with native crops.

    Raises:
        UsageError: `data.crops.scale` is no range, the recipe predicts whole photos that are
            resized, or soft labels, which have another size than their photos; or a metric decides
            that looks at boundaries, which end at the edges of parts.
    """
    crops = recipe.data.crops
    if crops is None:
        return
    if crops.scale[0] > crops.scale[1]:
        raise UsageError(
            f"{crops.scale[0]:g} is above {crops.scale[1]:g}",
            "Write the smaller factor first.",
            parameter="data.crops.scale",
        )
    views = read_views(recipe.predict.views)
    if views.tiling is None:
        raise UsageError(
            f"{views.text} resizes whole photos, but data.crops trains on parts at their own "
            "resolution",
            f"Write {replace(views, tiling=Tiling()).text}, which predicts windows.",
            parameter="predict.views",
        )
    if metrics.boundary is not None:
        raise UsageError(
            f"{metrics.deciding} looks at boundaries, but with data.crops the network is validated "
            "on parts of photos, at whose edges there are none",
            "Choose another [metric]; trash submission score --metric tells this one of the "
            "submission, and trash ensemble search --metric chooses by it.",
            parameter="metric.name",
        )
    if recipe.pseudo is not None and recipe.pseudo.soft:
        raise UsageError(
            "soft labels are drawn at the size of the network's input, native crops are not",
            "Set pseudo.soft = false: hard labels are cropped as real ones are.",
            parameter="pseudo.soft",
        )


def refuse_objects(data: Data) -> None:
    """Refuse to paste objects into native crops: their size is known as a share of whole photos.

    Raises:
        UsageError: the recipe trains on native crops.
    """
    if data.crops is not None:
        raise UsageError(
            "objects of the bank cannot be pasted into native crops: their size is that in a "
            "whole photo",
            "Leave out object mix, or data.crops. The mix copy_paste takes objects of the crops.",
            parameter="data.crops",
        )
