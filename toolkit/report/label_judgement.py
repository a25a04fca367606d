"""Objects, background and images judged by networks that were not trained on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.masks import paint_mask
from toolkit.data.object_facts import seen_objects
from toolkit.data.resize import Size
from toolkit.data.split import Split
from toolkit.data.suspect_list import PixelBox, Suspect, SuspectKind
from toolkit.metrics.label_doubt import image_doubt, label_doubts, usual_probabilities
from toolkit.postprocess.labels import argmax_labels
from toolkit.predict.store import ProbabilityStore
from toolkit.progress import Progress

_LEAST_SIDE = 7
"""Side of the squares, pixels of the network's input, that a missing object is made of: predictions
are a little larger than the objects, and such a seam is no object."""

SUSPECT_FROM = 0.5
"""Doubt from which a label is a suspect: another one fits equally well."""

ObjectDoubt = Callable[[NDArray[np.float32], int], float]
"""Gives the doubt of an object, 0…1, from float32 (C, pixels) and its label."""


@dataclass(frozen=True)
class JudgedImage:
    """An image with its maps by networks that were not trained on it.

    Attributes:
        split: labelled images.
        row: the image's position there.
        maps: store and position in it, of each network.
        size: (height, width) that the networks get; None = nothing is resized.
    """

    split: Split
    row: int
    maps: tuple[tuple[ProbabilityStore, int], ...]
    size: Size | None

    @property
    def name(self) -> str:
        """Its `file_name`."""
        return self.split.images[self.row].file_name

    def probabilities(self, step: int = 1) -> NDArray[np.float32]:
        """Return the mean map, float32 (C, H, W); of every `step`-th row and column."""
        (first, place), *others = self.maps
        total = first.read(place, step)
        for store, position in others:
            total += store.read(position, step)
        return total / np.float32(len(self.maps))

    def mask(self) -> NDArray[np.uint8]:
        """Return its labels, uint8 (H, W)."""
        split = self.split
        return paint_mask(split.images[self.row], split.labels, split.overlap, split.ignore_index)


class LabelSample(NamedTuple):
    """An object, or a region of background that is predicted as one.

    Attributes:
        image: position among the judged images.
        number: place of the object's annotation in the record; None for others.
        label: its label.
        box: around its pixels that are seen.
        area: number of these.
        mean: float64 (C,), mean of the probabilities.
        doubt: of another ranking than ours, else None.
    """

    image: int
    number: int | None
    label: int
    box: PixelBox
    area: int
    mean: NDArray[np.float64]
    doubt: float | None


@dataclass(frozen=True)
class LabelJudgement:
    """How much the labels of images are doubted.

    Attributes:
        images: the images.
        samples: their objects, and missing ones.
        doubts: float64 (samples,), 0…1.
        suspected: int64 (samples,), the label that each may be.
        image_doubts: float64 (images,), 0…1.
        n_unseen: objects that were not judged: hidden, or too small for the network's input.
    """

    images: tuple[JudgedImage, ...]
    samples: tuple[LabelSample, ...]
    doubts: NDArray[np.float64]
    suspected: NDArray[np.int64]
    image_doubts: NDArray[np.float64]
    n_unseen: int

    def order(self, least: float) -> list[int]:
        """Return the positions of the samples with at least this doubt, the largest one first.

        Of equal ones the larger object comes first.
        """
        areas = np.array([sample.area for sample in self.samples], np.int64)
        order = np.lexsort((-areas, -self.doubts)).tolist()
        return [each for each in order if self.doubts[each] >= least]

    def suspect(self, position: int) -> Suspect:
        """Return a sample as a row of a list."""
        sample = self.samples[position]
        image = self.images[sample.image]
        names, other = image.split.labels.class_names, int(self.suspected[position])
        annotation = None
        if sample.number is not None:
            annotation = image.split.images[image.row].annotations[sample.number].annotation_id
        return Suspect(
            image.name,
            annotation,
            _kind(sample.label, other),
            names[sample.label],
            names[other],
            float(self.doubts[position]),
            sample.box,
            sample.area,
        )


def _kind(label: int, other: int) -> SuspectKind:
    if label == 0:
        return "missing"
    return "extra" if other == 0 else "label"


def judge_labels(
    images: Sequence[JudgedImage],
    progress: Progress,
    *,
    doubt: ObjectDoubt | None = None,
    pixels_per_image: int | None = None,
) -> LabelJudgement:
    """Judge the labels of images by predicted probabilities; one image is in memory at a time.

    Objects are annotations, or connected regions of a mask. A connected region of background that
    is predicted as one class is a missing object, without its parts that are thinner than 7 pixels
    of the network's input.

    Args:
        images: at least one; all of the same classes.
        progress: told while images are read.
        doubt: of a single object, in place of `label_doubts`.
        pixels_per_image: look at a regular grid of about so many pixels of each; None = at all.

    Raises:
        TrashError: a store is damaged.
    """
    n_classes = len(images[0].split.labels.class_names)
    samples: list[LabelSample] = []
    backgrounds: list[NDArray[np.float64]] = []
    image_doubts = np.zeros(len(images))
    n_unseen = 0
    with progress.bar("judging labels", len(images), "images") as bar:
        for position, image in enumerate(images):
            looked = _Looked(image, position, doubt, pixels_per_image)
            image_doubts[position] = looked.image_doubt()
            backgrounds += looked.background()
            samples += looked.objects()
            samples += looked.missing()
            n_unseen += looked.n_unseen
            bar.advance()
    means = np.array([sample.mean for sample in samples]).reshape(-1, n_classes)
    labels = np.array([sample.label for sample in samples], np.int64)
    judged = labels > 0  # a region without an object proves nothing about background
    usual = usual_probabilities(
        np.concatenate((means[judged], np.reshape(backgrounds, (-1, n_classes)))),
        np.concatenate((labels[judged], np.zeros(len(backgrounds), np.int64))),
    )
    doubts, suspected = label_doubts(means, labels, usual)
    if doubt is not None:
        doubts = np.array([sample.doubt for sample in samples], np.float64)
    return LabelJudgement(tuple(images), tuple(samples), doubts, suspected, image_doubts, n_unseen)


class _Looked:
    """One image, its labels and its map."""

    def __init__(
        self,
        image: JudgedImage,
        position: int,
        doubt: ObjectDoubt | None,
        pixels_per_image: int | None,
    ) -> None:
        self._image, self._position, self._doubt = image, position, doubt
        self._full = image.mask()
        pixels = self._full.size
        self._step = max(1, round((pixels / pixels_per_image) ** 0.5)) if pixels_per_image else 1
        self._mask = self._full[:: self._step, :: self._step]
        self._probabilities = image.probabilities(self._step)
        self.n_unseen = 0

    def image_doubt(self) -> float:
        known = self._mask != self._image.split.ignore_index
        own = np.take_along_axis(
            self._probabilities, np.where(known, self._mask, 0)[None].astype(np.intp), axis=0
        )[0]
        return image_doubt(own[known])

    def background(self) -> list[NDArray[np.float64]]:
        """Return the mean probabilities of the background, if there is any."""
        shown = self._mask == 0
        return [self._probabilities[:, shown].mean(1, dtype=np.float64)] if shown.any() else []

    def objects(self) -> Iterator[LabelSample]:
        image = self._image
        has_mask = image.split.images[image.row].mask is not None
        for fact, pixels in seen_objects(image.split, image.row, self._full, image.size):
            values = self._values(pixels[:: self._step, :: self._step])
            if fact.is_lost or not values.size:
                self.n_unseen += 1
                continue
            area = int(np.count_nonzero(pixels))
            number = None if has_mask else fact.number
            yield self._sample(number, fact.label, _box(pixels), area, values)

    def missing(self) -> Iterator[LabelSample]:
        record = self._image.split.images[self._image.row]
        height, width = self._image.size or (record.height, record.width)
        # A square of so many pixels of the network's input, in those of the map.
        side = _LEAST_SIDE * max(1.0, record.height / height, record.width / width) / self._step
        # An even one would move what it leaves.
        square = np.ones((1 + 2 * max(0, round((side - 1) / 2)),) * 2, np.uint8)
        predicted = argmax_labels(self._probabilities)
        predicted[self._mask != 0] = 0
        for label in np.unique(predicted[predicted > 0]).tolist():
            shown = cv2.morphologyEx((predicted == label).view(np.uint8), cv2.MORPH_OPEN, square)
            n_regions, regions = cv2.connectedComponents(shown, connectivity=8)
            for number in range(1, n_regions):
                pixels = regions == number
                left, top, wide, high = (each * self._step for each in _box(pixels))
                box = left, top, min(wide, record.width - left), min(high, record.height - top)
                area = int(np.count_nonzero(pixels)) * self._step**2
                yield self._sample(None, 0, box, area, self._values(pixels))

    def _values(self, pixels: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return the probabilities of some pixels, float32 (C, pixels)."""
        if not pixels.any():
            return self._probabilities[:, :0, 0]
        left, top, width, height = _box(pixels)
        part = np.s_[top : top + height, left : left + width]
        found: NDArray[np.float32] = self._probabilities[:, *part][:, pixels[part]]
        return found

    def _sample(
        self,
        number: int | None,
        label: int,
        box: PixelBox,
        area: int,
        values: NDArray[np.float32],
    ) -> LabelSample:
        doubt = None if self._doubt is None else self._doubt(values, label)
        mean = values.mean(1, dtype=np.float64)
        return LabelSample(self._position, number, label, box, area, mean, doubt)


def _box(pixels: NDArray[np.bool_]) -> PixelBox:
    left, top, width, height = cv2.boundingRect(pixels.view(np.uint8))
    return left, top, width, height
