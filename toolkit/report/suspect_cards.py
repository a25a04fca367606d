"""Cards of label suspects: the part of a photo with its labels and what is predicted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.object_facts import ObjectFact, object_pixels
from toolkit.data.resize import resize_image
from toolkit.data.suspect_list import Suspect
from toolkit.postprocess.labels import argmax_labels
from toolkit.report.image_cards import Layer
from toolkit.report.label_judgement import JudgedImage, LabelJudgement, LabelSample
from toolkit.report.object_gallery import around, with_outline
from toolkit.report.page import data_uri
from toolkit.report.thumbnails import class_colours, fitted, labels_png, photo_jpeg

_SIDE, _LEAST_SIDE = 240, 64
"""Longer side of a picture on the page, and least side of the part of the photo that it shows."""
_PHOTO_BYTES, _LAYER_BYTES = 14_000, 5_000


@dataclass(frozen=True)
class SuspectCard:
    """What a page shows of a suspect.

    Attributes:
        suspect: the suspect.
        name: of its photo, with the id of its annotation where there is one.
        label: the label that it has.
        suspected: the label that it may be.
        width: of the pictures, pixels.
        height: of the pictures.
        photo: the address that holds it; what is doubted is outlined.
        left: what is predicted.
        right: the labels.
        others: none; for the template.
    """

    suspect: Suspect
    name: str
    label: int
    suspected: int
    width: int
    height: int
    photo: str
    left: Layer
    right: Layer
    others: tuple[Layer, ...] = ()


def suspect_cards(judgement: LabelJudgement, positions: Sequence[int]) -> tuple[SuspectCard, ...]:
    """Return the cards of some samples; each photo is read once.

    Args:
        judgement: of all samples.
        positions: of those to show.

    Raises:
        UsageError: a photo cannot be read.
    """
    by_image: dict[int, list[int]] = defaultdict(list)
    for position in positions:
        by_image[judgement.samples[position].image].append(position)
    found = {}
    for number, own in by_image.items():
        image = judgement.images[number]
        pictures = _Pictures(image)
        for position in own:
            found[position] = pictures.card(judgement, position)
    return tuple(found[position] for position in positions)


class _Pictures:
    """Photo, labels and prediction of one image."""

    def __init__(self, image: JudgedImage) -> None:
        split = image.split
        self._image = image
        self._photo = read_picture(split.path(image.row), split.images[image.row])
        self._mask = image.mask()
        self._known = self._mask != split.ignore_index
        self._predicted = argmax_labels(image.probabilities())
        self._colours = class_colours(len(split.labels.class_names))

    def card(self, judgement: LabelJudgement, position: int) -> SuspectCard:
        sample, suspect = judgement.samples[position], judgement.suspect(position)
        window = around(sample.box, self._mask.shape, _LEAST_SIDE)
        part = self._photo[window]
        scale = _SIDE / max(part.shape[:2])
        size = max(round(part.shape[0] * scale), 1), max(round(part.shape[1] * scale), 1)
        shown = self._doubted(sample, int(judgement.suspected[position]))
        picture = with_outline(resize_image(np.ascontiguousarray(part), size), shown[window])
        known = self._known[window]
        labels = np.where(known, self._mask[window], np.uint8(0))
        annotation = "" if suspect.annotation is None else f", annotation {suspect.annotation}"
        return SuspectCard(
            suspect,
            f"{suspect.image}{annotation}",
            sample.label,
            int(judgement.suspected[position]),
            size[1],
            size[0],
            data_uri(photo_jpeg(picture, size, _PHOTO_BYTES), "jpeg"),
            self._layer("prediction", self._predicted[window], np.ones_like(known), size),
            self._layer("label", labels, known, size),
        )

    def _doubted(self, sample: LabelSample, suspected: int) -> NDArray[np.bool_]:
        """Return the pixels of a sample, bool (H, W), missing objects as they are predicted."""
        if sample.number is not None:
            fact = ObjectFact(sample.label, sample.area, sample.number, is_lost=False)
            covered = object_pixels(self._image.split, self._image.row, self._mask, fact)
            return np.asarray(covered & (self._mask == sample.label))
        left, top, width, height = sample.box
        shown = np.zeros(self._mask.shape, np.bool_)
        inside = np.s_[top : top + height, left : left + width]
        shown[inside] = self._mask[inside] == sample.label
        if sample.label == 0:
            shown[inside] &= self._predicted[inside] == suspected
        return shown

    def _layer(
        self,
        name: str,
        labels: NDArray[np.uint8],
        trusted: NDArray[np.bool_],
        size: tuple[int, int],
    ) -> Layer:
        png = labels_png(
            np.ascontiguousarray(labels), trusted, self._colours, fitted(size, _SIDE), _LAYER_BYTES
        )
        return Layer(name, data_uri(png, "png"))
