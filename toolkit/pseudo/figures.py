"""Figures of pseudo-labels: the teachers' confidence in an image, the content of a set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from toolkit.plugin.interfaces import Prediction
from toolkit.pseudo.label_set import LabelledImage, LabelSet
from toolkit.pseudo.select import Decision

_DIGITS = 6

FIGURES = {
    "confidence": "mean confidence",
    "foreground_confidence": "mean confidence of the foreground",
    "agreement": "mean agreement of the teachers",
}
"""Attribute of `LabelledImage` -> its name for people."""


def figures_of(prediction: Prediction, decision: Decision, trusted: float) -> LabelledImage:
    """Return the figures of an image that a set keeps; `trusted` is the share of its pixels."""
    confidence = prediction.probabilities.max(axis=0)
    foreground = decision.predicted > 0
    return LabelledImage(
        file_name=prediction.file_name,
        size=decision.predicted.shape,
        rejected_by=decision.rejected_by,
        confidence=_share(confidence.mean(dtype=np.float64)),
        foreground_confidence=(
            _share(confidence.mean(dtype=np.float64, where=foreground))
            if foreground.any()
            else None
        ),
        agreement=_share(prediction.agreement.mean(dtype=np.float64)),
        trusted=_share(trusted),
    )


def _share(value: float) -> float:
    # Probabilities in float32 may exceed 1 by their rounding.
    return round(min(float(value), 1.0), _DIGITS)


def spread(images: Sequence[LabelledImage]) -> list[str]:
    """Return one line per figure: its lowest, middle and highest value over the images."""
    lines = []
    for key, name in FIGURES.items():
        values = [value for image in images if (value := getattr(image, key)) is not None]
        if values:
            lines.append(
                f"{name}: {min(values):.3f} … {max(values):.3f}, "
                f"half of the images above {median(values):.3f}"
            )
    return lines


def summarize(label_set: LabelSet) -> dict[str, Any]:
    """Return the teachers, the selected images, and the pixels and images of each class."""
    index = label_set.index
    return {
        "selected": len(index.selected),
        "images": len(index.images),
        "rejected_by": dict(Counter(image.rejected_by for image in index.rejected).most_common()),
        "soft": index.soft,
        "teachers": index.teachers,
        "warnings": index.warnings,
        "classes": {
            name: {
                "predicted": index.predicted[label],
                "trusted": index.trusted[label],
                "images": int(label_set.masks.array_counts[label]),
            }
            for label, name in enumerate(index.class_names)
        },
        "origin": index.origin,
    }
