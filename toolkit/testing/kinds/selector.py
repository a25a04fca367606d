"""The contract of a selector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.interfaces import Prediction
from toolkit.testing import samples
from toolkit.testing.contract import Rule, Subject, require

_H, _W = 9, 13


def _selected(subject: Subject, maps: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Select from one image, shown before to a selector that wants to see all of them."""
    selector = subject.build()
    prediction = Prediction("test/0001.jpg", maps, np.ones(maps.shape[1:], np.float32))
    if hasattr(selector, "observe"):
        selector.observe(prediction)
    labels: NDArray[np.uint8] | None = selector(prediction)
    return labels


def returns_labels(subject: Subject) -> None:
    """Returns uint8 (H, W) labels with `ignore_index` where not trusted, or None."""
    soft = samples.probabilities(np.random.default_rng(0), subject.context.n_classes, _H, _W)
    certain = np.eye(subject.context.n_classes, dtype=np.float32)[:, soft.argmax(axis=0)]
    for maps in (soft, certain):
        labels = _selected(subject, maps)
        if labels is None:
            continue
        require(labels.dtype == np.uint8, f"labels of {labels.dtype}, not uint8")
        require(labels.shape == (_H, _W), f"labels of shape {labels.shape}, not {(_H, _W)}")
        allowed = {*range(subject.context.n_classes), subject.context.ignore_index}
        found = set(np.unique(labels).tolist()) - allowed
        require(not found, f"labels {sorted(found)} are neither a class nor ignored")


def trusts_only_predictions(subject: Subject) -> None:
    """Gives a trusted pixel the most probable class: doubt becomes ignored, never background."""
    maps = samples.probabilities(np.random.default_rng(1), subject.context.n_classes, _H, _W)
    labels = _selected(subject, maps)
    if labels is not None:
        trusted = labels != subject.context.ignore_index
        wrong = np.count_nonzero((labels != maps.argmax(axis=0)) & trusted)
        require(not wrong, f"{wrong} trusted pixels have a label that was not predicted")


def leaves_inputs(subject: Subject) -> None:
    """Leaves the maps as they were."""
    maps = samples.probabilities(np.random.default_rng(0), subject.context.n_classes, _H, _W)
    mine = maps.copy()
    _selected(subject, mine)
    require(np.array_equal(mine, maps), "it changed the maps in place")


RULES: tuple[Rule, ...] = (returns_labels, trusts_only_predictions, leaves_inputs)
