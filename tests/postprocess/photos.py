"""Real photos with maps as a network makes them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.workspaces import workspace_in
from toolkit.data.contest import Contest, open_contest
from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.project import Project
from toolkit.recipe.schema import Data

Pair = tuple[NDArray[np.float32], NDArray[np.uint8]]
"""Probabilities (C, H, W) and image (H, W, 3)."""


def open_photos(root: Path, project: Path) -> Contest:
    """Open the contest in `root`; caches go to `project`."""
    data = Data(root=str(root), train="train.json", val="val.json")
    return open_contest(workspace_in(Project(project)), data)


def load(contest: Contest, position: int, size: tuple[int, int] | None = None) -> Pair:
    """Return a validation photo, resized to `size` (height, width) or as it is, and a map of it."""
    split = contest.val
    image = read_image(split.path(position), split.images[position])
    mask = paint_mask(split.images[position], split.labels, split.overlap, split.ignore_index)
    if size is not None:
        image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8)
        mask = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    return unsure(mask, len(split.labels.class_names)), image


def unsure(mask: NDArray[np.uint8], n_classes: int) -> NDArray[np.float32]:
    """Return a map (C, H, W) of a mask: unsure at its edges, wrong in patches, and noisy."""
    rng = np.random.default_rng(0)
    height, width = mask.shape
    logits = np.empty((n_classes, height, width), np.float32)
    for label, plane in enumerate(logits):
        coarse = rng.normal(0, 1.5, (max(height // 24, 2), max(width // 24, 2)))
        plane[:] = 6 * cv2.GaussianBlur((mask == label).astype(np.float32), (0, 0), 6)
        plane += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        plane += rng.normal(0, 0.3, plane.shape)
    exponentials = np.exp(logits - logits.max(axis=0))
    maps: NDArray[np.float32] = exponentials / exponentials.sum(axis=0)
    return maps
