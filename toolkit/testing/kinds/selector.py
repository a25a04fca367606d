"""The contract of a selector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.interfaces import ObservesPredictions, Prediction
from toolkit.testing import samples
from toolkit.testing.contract import Rule, Subject, require

_H, _W = 9, 13


def _select(subject: Subject, maps: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """Select from one image, shown before to a selector that wants to see all of them."""
    selector = subject.build()
    prediction = Prediction("test/0001.jpg", maps, np.ones(maps.shape[1:], np.float32))
    if isinstance(selector, ObservesPredictions):
        selector.observe(prediction)
    labels: NDArray[np.uint8] | None = selector(prediction)
    return labels


def returns_labels(subject: Subject) -> None:
    """Returns uint8 (H, W) labels with `ignore_index` where not trusted, or None."""
    soft = samples.probabilities(np.random.default_rng(0), subject.context.n_classes, _H, _W)
    certain = np.eye(subject.context.n_classes, dtype=np.float32)[:, soft.argmax(axis=0)]
    for maps in (soft, certain):
        labels = _select(subject, maps)
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
    labels = _select(subject, maps)
    if labels is not None:
        trusted = labels != subject.context.ignore_index
        wrong = np.count_nonzero((labels != maps.argmax(axis=0)) & trusted)
        require(not wrong, f"{wrong} trusted pixels have a label that was not predicted")


def _predictions(subject: Subject) -> list[Prediction]:
    rng = np.random.default_rng(2)
    n_classes = subject.context.n_classes
    return [
        Prediction(
            f"test/{number:04}.jpg",
            samples.probabilities(rng, n_classes, _H, _W),
            rng.choice(np.array([1 / 3, 2 / 3, 1], np.float32), (_H, _W)),
        )
        for number in range(1, 6)
    ]


def is_deterministic(subject: Subject) -> None:
    """Selects the same every time, in whatever order the images come."""
    predictions = _predictions(subject)
    results = []
    for order in (predictions, predictions, predictions[::-1]):
        selector = subject.build()
        for prediction in order if isinstance(selector, ObservesPredictions) else ():
            selector.observe(prediction)
        results.append({prediction.file_name: selector(prediction) for prediction in order})
    first, again, turned = results
    for other, what in ((again, "a second time"), (turned, "in another order of the images")):
        for name, labels in first.items():
            mine = other[name]
            same = mine is labels if labels is None or mine is None else (mine == labels).all()
            require(bool(same), f"{name} has other labels {what}")


def leaves_inputs(subject: Subject) -> None:
    """Leaves the maps and the agreement as they were."""
    for prediction in _predictions(subject):
        mine = replace(
            prediction,
            probabilities=prediction.probabilities.copy(),
            agreement=prediction.agreement.copy(),
        )
        selector = subject.build()
        if isinstance(selector, ObservesPredictions):
            selector.observe(mine)
        selector(mine)
        for name in ("probabilities", "agreement"):
            kept = np.array_equal(getattr(mine, name), getattr(prediction, name))
            require(kept, f"it changed the {name} in place")


RULES: tuple[Rule, ...] = (
    returns_labels,
    trusts_only_predictions,
    is_deterministic,
    leaves_inputs,
)
