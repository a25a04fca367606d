"""The worst validation images of a run, for trackers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.data.contest import Contest
from toolkit.data.images import read_picture
from toolkit.data.masks import paint_mask
from toolkit.data.resize import resize_image, resize_labels
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.scores import direction, image_scores
from toolkit.plugin.interfaces import IGNORE_INDEX
from toolkit.plugin.tracker import WorstImage
from toolkit.report.run_report import metrics_of, recipe_of
from toolkit.report.thumbnails import class_colours, fitted
from toolkit.report.validation import find_validation, validation_store, worst_first
from toolkit.workspace import Workspace

_IMAGES = 8
_SIDE = 420
_SHOWN_THROUGH = 0.4
"""Share of the photo in a pixel of a class."""
_NOT_COUNTED = (205, 205, 205)


def worst_images(workspace: Workspace, run: RunFolder, contest: Contest) -> tuple[WorstImage, ...]:
    """Return the images with the worst scores, the worst first, from what was predicted anyway.

    Args:
        workspace: the project, its components, and who is told what happens.
        run: the run.
        contest: its data.

    Returns:
        At most 8; none where the validation images were not predicted, or nothing was validated.

    Raises:
        UsageError: the run's checkpoint or a photo cannot be read.
    """
    recipe = recipe_of(workspace, run, None)
    if recipe.train.on == "all":
        return ()
    split, metrics = contest.val, metrics_of(workspace, recipe, contest.class_names)
    validation = find_validation(run, metrics, split.file_names)
    if validation is None:
        return ()
    store = validation_store(workspace, run, recipe, contest, predicts=False, device="cpu")
    if store is None:
        return ()
    scores = image_scores(metrics.metric, validation.counts)
    predicted, colours = store.read_labels, class_colours(len(split.labels.class_names))

    def image(row: int) -> WorstImage:
        record = split.images[row]
        truth = paint_mask(record, split.labels, split.overlap, split.ignore_index)
        truth = np.where(truth == split.ignore_index, np.uint8(IGNORE_INDEX), truth)
        size = fitted(truth.shape, _SIDE)
        photo = resize_image(read_picture(split.path(row), record), size)
        truth, labels = resize_labels(truth, size), resize_labels(predicted(row), size)
        shown = [photo, coloured(photo, truth, colours), coloured(photo, labels, colours)]
        panel = np.concatenate(shown, axis=1)
        return WorstImage(record.file_name, float(scores[row]), photo, truth, labels, panel)

    rows = worst_first(direction(metrics.metric) * scores)[:_IMAGES]
    return tuple(map(image, rows))


def coloured(
    photo: NDArray[np.uint8], labels: NDArray[np.uint8], colours: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return a photo, uint8 RGB (H, W, 3), with its labels, uint8 (H, W), laid over it.

    Args:
        photo: of the size of the labels.
        labels: background, 0, is clear; those that do not count, 255, are grey.
        colours: RGB uint8 (C, 3), one per label.
    """
    palette = np.full((256, 3), _NOT_COUNTED, np.uint8)
    palette[: len(colours)] = colours
    mixed = _SHOWN_THROUGH * photo + (1 - _SHOWN_THROUGH) * palette[labels]
    clear = (labels == 0)[..., None]
    return np.where(clear, photo, np.round(mixed).astype(np.uint8))
