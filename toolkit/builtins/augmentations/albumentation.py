"""Albumentations transforms as augmentations."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from toolkit import Sample

# Its import asks the network for a newer version otherwise.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A

# Pixels that move in from outside mirror the picture, labels too, so no class is invented.
WARP: dict[str, Any] = {
    "interpolation": cv2.INTER_LINEAR,
    "mask_interpolation": cv2.INTER_NEAREST,
    "border_mode": cv2.BORDER_REFLECT_101,
    "p": 1.0,
}


class Albumentation:
    """One transform, random only through the generator it is called with."""

    def __init__(self, transform: A.BasicTransform) -> None:
        self._transform = transform

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        self._transform.set_random_state(rng, random.Random(int(rng.integers(2**63))))
        changed = self._transform(image=sample.image, mask=sample.mask)
        return replace(sample, image=changed["image"], mask=changed["mask"])


class BackgroundOnly:
    """Undoes what an augmentation of colours does to pixels that are not background."""

    def __init__(self, augmentation: Albumentation) -> None:
        self._augmentation = augmentation

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        changed = self._augmentation(sample, rng)
        kept = (sample.mask != 0).view(np.uint8)
        image = cv2.copyTo(sample.image, kept, changed.image.copy())
        return replace(changed, image=np.asarray(image, np.uint8))


def rotate(limit: float) -> Albumentation:
    """Turn by −limit…limit degrees."""
    return Albumentation(A.Rotate(limit=(-limit, limit), **WARP))


def scale_shift_rotate(scale: float, shift: float, rotate: float) -> Albumentation:
    """Scale by 1 ± scale, shift by ± shift of the size, turn by ± rotate degrees."""
    return Albumentation(
        A.Affine(
            scale=(1 - scale, 1 + scale),
            translate_percent=(-shift, shift),
            rotate=(-rotate, rotate),
            keep_ratio=True,
            **WARP,
        )
    )


def clahe(clip_limit: tuple[float, float], tiles: int) -> Albumentation:
    """Equalise contrast in tiles."""
    return Albumentation(A.CLAHE(clip_limit=clip_limit, tile_grid_size=(tiles, tiles), p=1.0))


def brightness_contrast(brightness: float, contrast: float, by_max: bool) -> Albumentation:
    """Change brightness and contrast by up to ± the given shares."""
    return Albumentation(
        A.RandomBrightnessContrast(
            brightness_limit=(-brightness, brightness),
            contrast_limit=(-contrast, contrast),
            brightness_by_max=by_max,
            p=1.0,
        )
    )


def gamma(limits: tuple[float, float]) -> Albumentation:
    """Raise the image to a power within `limits` percent."""
    return Albumentation(A.RandomGamma(gamma_limit=limits, p=1.0))


def cutout(holes: int, size: int, fill: int) -> Albumentation:
    """Blank `holes` squares of `size` pixels; labels stay."""
    return Albumentation(
        A.CoarseDropout(
            num_holes_range=(holes, holes),
            hole_height_range=(size, size),
            hole_width_range=(size, size),
            fill=fill,
            fill_mask=None,
            p=1.0,
        )
    )
