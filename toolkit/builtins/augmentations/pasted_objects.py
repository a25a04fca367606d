"""Object mix: objects of other images, reshaped and pasted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import CutOut, ObjectBank, Sample
from toolkit.builtins.augmentations.flips import Flip
from toolkit.builtins.augmentations.warps import GridDistortion
from toolkit.data.channels import by_channels
from toolkit.data.resize import resize_image, resize_shape

Bytes = NDArray[np.uint8]
_MIRRORED, _TURNED_OVER = Flip(axis=1), Flip(axis=0)
_DISTORTED = GridDistortion(steps=5, limit=0.3)


@dataclass(frozen=True)
class ShapedObject:
    """An object on its way into an image.

    Attributes:
        piece: the object as a sample of its own, with its alpha as the mask.
        centre: (down, right) from the middle of the image to that of the piece, pixels; None =
            it may lie anywhere.
    """

    piece: Sample
    centre: tuple[float, float] | None


@dataclass(frozen=True)
class Shaping:
    """How a cut-out is changed before it is pasted: parameters of `object_mix`."""

    keeps_place: bool
    scale: tuple[float, float]
    large: float
    large_scale: float
    small: float
    small_scale: float
    rotate: float
    quarter_turns: bool
    hflip: float
    vflip: float
    brightness: float
    grid_distortion: float

    def __call__(
        self, cut_out: CutOut, size: tuple[int, int], rng: np.random.Generator
    ) -> ShapedObject:
        """Return the object, resized, turned and mirrored.

        Args:
            cut_out: the object.
            size: (height, width) of the image that it will be pasted into.
            rng: where all randomness comes from.
        """
        factor = self._factor(cut_out) * rng.uniform(*self.scale)
        piece = _resize(cut_out, size, factor)
        # Shares of the image, from its middle.
        down, right = _place(cut_out, factor, rng) if self.keeps_place else (0.0, 0.0)
        if rng.random() < self.hflip:
            piece, right = _MIRRORED(piece, rng), -right
        if rng.random() < self.vflip:
            piece, down = _TURNED_OVER(piece, rng), -down
        quarters = int(rng.integers(4)) if self.quarter_turns else 0
        angle = float(rng.uniform(-self.rotate, self.rotate))
        piece = _rotate(piece, 90 * quarters + angle)
        for _ in range(quarters):
            down, right = -right, down
        if rng.random() < self.grid_distortion:
            piece = _DISTORTED(piece, rng)
        change = 255 * rng.uniform(-self.brightness, self.brightness)
        image = by_channels(piece.image, lambda part: cv2.addWeighted(part, 1, part, 0, change))
        piece = replace(piece, image=np.asarray(image, dtype=np.uint8))
        if not self.keeps_place:
            return ShapedObject(piece, None)
        y, x = down * size[0], right * size[1]
        cosine, sine = cos(radians(angle)), sin(radians(angle))
        return ShapedObject(piece, (cosine * y - sine * x, cosine * x + sine * y))

    def _factor(self, cut_out: CutOut) -> float:
        height, width = cut_out.source_size
        share = cv2.countNonZero(cut_out.alpha) / (height * width)
        if share > self.large:
            return self.large_scale
        return self.small_scale if share < self.small else 1.0


def _place(cut_out: CutOut, factor: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return where the middle of an object is once its whole image was scaled.

    An image that shrinks does so around its middle; of one that grows a random window stays, which
    holds the middle of the object.

    Returns:
        (down, right) from the middle of the image, shares of its sides.
    """
    found = []
    sides = zip(cut_out.corner, cut_out.alpha.shape, cut_out.source_size, strict=True)
    for first, part, whole in sides:
        middle = (first + part / 2) / whole
        window = 0.0
        if factor > 1:
            window = rng.uniform(max(0.0, middle - 1 / factor), min(middle, 1 - 1 / factor))
        elif factor < 1:
            window = (1 - 1 / factor) / 2
        found.append((middle - window) * factor - 0.5)
    return found[0], found[1]


@dataclass(frozen=True)
class ObjectMix:
    """Pastes objects of other images, each of its own class, size, turn and place.

    Attributes:
        bank: where the objects come from.
        probabilities: of each of the bank's labels; sum to 1.
        objects: fewest and most objects.
        shaping: changes them.
        blend: sigma of the Gaussian that softens the edge in the image, pixels; 0 = hard.
        skip_above: label -> share of the image above which it is left alone.
    """

    bank: ObjectBank
    probabilities: tuple[float, ...]
    objects: tuple[int, int]
    shaping: Shaping
    blend: float
    skip_above: Mapping[int, float]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        for label, share in self.skip_above.items():
            if np.count_nonzero(sample.mask == label) > share * sample.mask.size:
                return sample
        fewest, most = self.objects
        chosen = self._choose(int(rng.integers(fewest, most + 1)), sample.file_name, rng)
        if not chosen:
            return sample
        pasted = replace(sample, image=sample.image.copy(), mask=sample.mask.copy())
        height, width = sample.mask.shape
        for cut_out in chosen:
            shaped = self.shaping(cut_out, (height, width), rng)
            _paste(shaped, cut_out.label, self.blend, pasted, rng)
        return pasted

    def _choose(self, n: int, file_name: str, rng: np.random.Generator) -> list[CutOut]:
        """Return up to n different objects of other images than `file_name`."""
        found: dict[int, CutOut] = {}
        for _ in range(n):
            # A class that has nothing (left) for this image leaves its place to the others.
            order = rng.choice(
                self.bank.labels, len(self.probabilities), replace=False, p=self.probabilities
            )
            for label in order.tolist():
                position = self._other(label, file_name, found, rng)
                if position is not None:
                    found[position] = self.bank[position]
                    break
        return list(found.values())

    def _other(
        self, label: int, file_name: str, found: Mapping[int, CutOut], rng: np.random.Generator
    ) -> int | None:
        positions = self.bank.of(label)
        for index in rng.permutation(len(positions)):
            position = positions[int(index)]
            if position not in found and self.bank[position].file_name != file_name:
                return position
        return None


def _resize(cut_out: CutOut, size: tuple[int, int], factor: float) -> Sample:
    """Return the object as large as in its image, were that resized to `size`, times a factor."""
    height, width = (
        max(1, round(factor * part * new / old))
        for part, new, old in zip(cut_out.alpha.shape, size, cut_out.source_size, strict=True)
    )
    image = resize_image(cut_out.image, (height, width))
    return Sample(image, resize_shape(cut_out.alpha, (height, width)))


def _rotate(piece: Sample, degrees: float) -> Sample:
    """Turn counter-clockwise and grow to hold everything; nothing of the object is seen twice."""
    if degrees == 0:
        return piece
    height, width = piece.mask.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    # A quarter turn is off by rounding errors only and must not grow by a pixel.
    new_width = ceil(width * cosine + height * sine - 1e-6)
    new_height = ceil(width * sine + height * cosine - 1e-6)
    matrix[:, 2] += (new_width - width) / 2, (new_height - height) / 2
    # Repeated pixels of the image lie beside the object: they only show through its soft edge.
    image = by_channels(
        piece.image,
        lambda part: cv2.warpAffine(
            part, matrix, (new_width, new_height), borderMode=cv2.BORDER_REPLICATE
        ),
    )
    alpha = cv2.warpAffine(piece.mask, matrix, (new_width, new_height), flags=cv2.INTER_NEAREST)
    return Sample(np.asarray(image, np.uint8), np.asarray(alpha, np.uint8))


def _paste(
    shaped: ShapedObject, label: int, blend: float, onto: Sample, rng: np.random.Generator
) -> None:
    """Put an object inside a sample, in place; what lies outside is cut off.

    One that may lie anywhere and is larger than the sample fills it.
    """
    piece = shaped.piece
    margin = ceil(3 * blend)
    around = (margin,) * 4
    image = by_channels(
        piece.image, lambda part: cv2.copyMakeBorder(part, *around, cv2.BORDER_REPLICATE)
    )
    alpha = cv2.copyMakeBorder(piece.mask, *around, cv2.BORDER_CONSTANT, value=0)
    left, top, width, height = cv2.boundingRect(alpha)
    if width == 0:
        return  # a shape of single pixels, scaled to nothing
    here, there = [], []
    for axis, (first, part) in enumerate(((top, height), (left, width))):
        whole = onto.mask.shape[axis]
        if shaped.centre is None:
            start = int(rng.integers(min(0, whole - part), max(0, whole - part) + 1))
        else:
            corner = (whole - alpha.shape[axis]) / 2 + shaped.centre[axis]
            start = round(corner) + first
        begin, end = max(start - margin, 0), min(start + part + margin, whole)
        if end <= begin:
            return  # outside the sample
        here.append(slice(begin, end))
        there.append(slice(begin + first - start, end + first - start))
    place, source = (here[0], here[1]), (there[0], there[1])
    taken = (alpha[source] != 0).view(np.uint8)
    onto.mask[place] = np.where(taken, np.uint8(label), onto.mask[place])
    above = np.asarray(image[source], dtype=np.uint8)
    onto.image[place] = _blend(above, onto.image[place], taken, blend)


def _blend(above: Bytes, below: Bytes, taken: Bytes, sigma: float) -> Bytes:
    """Return `above` where it is taken, else `below`, with a soft edge between them."""
    if sigma == 0:
        return np.asarray(cv2.copyTo(above, taken, below.copy()), dtype=np.uint8)
    weight = cv2.GaussianBlur(taken.astype(np.float32), (0, 0), sigma)
    blended = cv2.blendLinear(above, below, weight, 1 - weight)
    return np.asarray(blended, dtype=np.uint8).reshape(above.shape)
