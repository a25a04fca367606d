"""Scores for side-cars."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.metrics.confusion import scores


def validated(mean_iou: float) -> Any:
    """Scores whose mIoU is about this: only the mean is looked at."""
    found = scores(np.array([[1, 0], [0, 1]]))
    return {
        "mean_iou": mean_iou,
        "iou": list(found.iou),
        "accuracy": 1.0,
        "mean_class_accuracy": 1.0,
        "foreground_iou": 1.0,
    }
