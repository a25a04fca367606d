"""Scores for side-cars."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from toolkit.metrics.scores import score_counts


def validated(mean_iou: float) -> Any:
    """Scores whose mIoU is about this: only the mean is looked at."""
    found = asdict(score_counts(np.array([[[1, 0], [0, 1]]])))
    return found | {"iou": list(found["iou"]), "mean_iou": mean_iou}
