"""Simple copy-paste (Ghiasi et al. 2021, arXiv:2012.07177) for label maps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import Sample
from toolkit.data.channels import by_channels
from toolkit.data.resize import resize_image, resize_labels


@dataclass(frozen=True)
class Region:
    """A connected region of one label.

    Attributes:
        label: of all its pixels.
        box: rows and columns that hold all regions of the label.
        numbers: int32, the region that each pixel of the box belongs to.
        number: its own.
    """

    label: int
    box: tuple[slice, slice]
    numbers: NDArray[np.int32]
    number: int

    @property
    def pixels(self) -> NDArray[np.bool_]:
        """Which pixels of the box belong to it."""
        return np.asarray(self.numbers == self.number, dtype=np.bool_)


@dataclass(frozen=True)
class Cutting:
    """What is pasted: an image, and labels that are 0 where nothing is."""

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class CopyPaste:
    """Pastes a random subset of the partner's objects, scaled, mirrored and moved together.

    The paper jitters the scale of the whole partner and crops it anywhere; here what is cropped
    holds the objects, so that something is pasted.

    Attributes:
        labels: of which objects are taken.
        max_objects: most objects.
        scale: smallest and largest factor of the size.
        flip: probability of mirroring left and right.
        min_area: smallest object, pixels.
        blend: sigma of the Gaussian that softens the edge in the image, pixels; 0 = hard.
    """

    labels: tuple[int, ...]
    max_objects: int
    scale: tuple[float, float]
    flip: float
    min_area: int
    blend: float

    def __call__(
        self,
        sample: Sample,
        partner: Sample,
        rng: np.random.Generator,
        batch_rng: np.random.Generator,
    ) -> Sample:
        regions = self.regions(partner.mask)
        if not regions:
            return sample
        n_chosen = int(rng.integers(1, min(self.max_objects, len(regions)) + 1))
        chosen = rng.choice(len(regions), n_chosen, replace=False)
        cutting = self._cut([regions[index] for index in chosen.tolist()], partner)
        cutting = self._resize(cutting, rng)
        return self._paste(cutting, sample, rng)

    def regions(self, mask: NDArray[np.uint8]) -> list[Region]:
        """Return the objects of a mask, by label."""
        found = []
        counts = np.bincount(mask.ravel(), minlength=256)
        for label in self.labels:
            if counts[label] < self.min_area:
                continue
            of_label = (mask == label).view(np.uint8)
            left, top, width, height = cv2.boundingRect(of_label)
            box = slice(top, top + height), slice(left, left + width)
            # Its variant that measures the regions, too, takes eight times as long.
            _, connected = cv2.connectedComponents(of_label[box], connectivity=8)
            numbers = np.asarray(connected, dtype=np.int32)
            areas = np.bincount(numbers.ravel())
            areas[0] = 0  # the rest of the box
            large = np.flatnonzero(areas >= self.min_area)
            found += [Region(label, box, numbers, number) for number in large.tolist()]
        return found

    def _cut(self, regions: list[Region], partner: Sample) -> Cutting:
        """Return the smallest part that holds all regions and what their soft edges need."""
        labels = np.zeros_like(partner.mask)
        for region in regions:
            labels[region.box][region.pixels] = region.label
        left, top, width, height = cv2.boundingRect(labels)
        margin = ceil(3 * self.blend)
        part = (
            slice(max(top - margin, 0), top + height + margin),
            slice(max(left - margin, 0), left + width + margin),
        )
        return Cutting(partner.image[part], labels[part])

    def _resize(self, cutting: Cutting, rng: np.random.Generator) -> Cutting:
        factor = rng.uniform(*self.scale)
        height, width = (max(1, round(factor * length)) for length in cutting.labels.shape)
        image = resize_image(cutting.image, (height, width))
        labels = resize_labels(cutting.labels, (height, width))
        if rng.random() < self.flip:
            image = by_channels(image, lambda part: cv2.flip(part, 1))
            labels = np.asarray(cv2.flip(labels, 1), np.uint8)
        return Cutting(image, labels)

    def _paste(self, cutting: Cutting, sample: Sample, rng: np.random.Generator) -> Sample:
        """Put the cutting anywhere inside the sample; one that is larger fills it."""
        here, there = [], []
        for whole, part in zip(sample.mask.shape, cutting.labels.shape, strict=True):
            start = int(rng.integers(min(0, whole - part), max(0, whole - part) + 1))
            here.append(slice(max(start, 0), min(start + part, whole)))
            there.append(slice(max(-start, 0), min(whole - start, part)))
        place = here[0], here[1]
        labels = cutting.labels[there[0], there[1]]
        image, mask = sample.image.copy(), sample.mask.copy()
        taken = (labels != 0).view(np.uint8)
        mask[place] = np.where(taken, labels, mask[place])
        image[place] = self._blend(cutting.image[there[0], there[1]], image[place], taken)
        return replace(sample, image=image, mask=mask)

    def _blend(
        self, above: NDArray[np.uint8], below: NDArray[np.uint8], taken: NDArray[np.uint8]
    ) -> NDArray[np.uint8]:
        if self.blend == 0:
            return np.where(taken[..., None], above, below)
        weight = cv2.GaussianBlur(taken.astype(np.float32), (0, 0), self.blend)
        blended = cv2.blendLinear(above, below, weight, 1 - weight)
        return np.asarray(blended, dtype=np.uint8).reshape(above.shape)
