"""cleanlab's doubt of an object's label: the optional package of the extra `suspects`."""

from __future__ import annotations

import numpy as np
from cleanlab.segmentation.rank import get_label_quality_scores
from numpy.typing import NDArray


def cleanlab_doubt(probabilities: NDArray[np.float32], label: int) -> float:
    """Return 1 minus the mean quality of an object's pixels, 0…1.

    cleanlab ranks the labels of images and of pixels (arXiv:2307.05080), not of objects: its
    scores of the pixels are averaged here.

    Args:
        probabilities: float32 (C, pixels) of the object.
        label: its label.
    """
    labels = np.full((1, 1, probabilities.shape[1]), label)
    _, quality = get_label_quality_scores(labels, probabilities[None, :, None, :], verbose=False)
    return float(1.0 - quality.mean())
