from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit import Context
from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Postprocessor
from toolkit.plugin.registry import Registry

IMAGE = np.zeros((1, 1, 3), np.uint8)
NAMES = ("Background", "UNKNOWN", "Paper")


def make(registry: Registry, names: tuple[str, ...] = NAMES, **parameters: Any) -> Postprocessor:
    spec = ComponentSpec(name="class_threshold", **parameters)
    found: Postprocessor = registry.build("postprocessor", spec, Context(names))
    return found


def slow_label(values: list[float], thresholds: list[float], to: int | None) -> int:
    """Look at the classes of one pixel from the best to the worst."""
    order = sorted(range(len(values)), key=lambda label: (-values[label], label))
    best = order[0]
    if values[best] >= thresholds[best]:
        return best
    if to is not None:
        return to
    for label in order[1:]:
        if values[label] > 0 and values[label] >= thresholds[label]:
            return label
    return best


def random_map(rng: np.random.Generator, n_classes: int) -> NDArray[np.float32]:
    """Probabilities with ties, zeros and sure pixels among them."""
    found = rng.dirichlet([0.5] * n_classes, (6, 7)).transpose(2, 0, 1)
    found = np.round(found * 4) / 4 if rng.random() < 0.5 else found
    found[0][found.sum(axis=0) == 0] = 1
    return np.asarray(found / found.sum(axis=0), np.float32)


@settings(max_examples=150, deadline=None)
@given(
    n_classes=st.integers(2, 5),
    seed=st.integers(0, 100_000),
    named=st.booleans(),
    levels=st.lists(st.sampled_from([0.0, 0.25, 0.3, 0.5, 0.75, 1.0]), min_size=5, max_size=5),
)
def test_every_pixel_goes_where_a_slow_look_says(
    registry: Registry, n_classes: int, seed: int, named: bool, levels: list[float]
) -> None:
    rng = np.random.default_rng(seed)
    probabilities = random_map(rng, n_classes)
    before = probabilities.copy()
    thresholds = levels[:n_classes]
    to = int(rng.integers(n_classes)) if named else None
    if to is not None:
        thresholds[to] = 0.0
    names = tuple("abcde"[:n_classes])
    table = dict(zip(names, thresholds, strict=True))
    if to is not None:
        del table[names[to]]
    taker = None if to is None else names[to]
    step = make(registry, names, thresholds=table, to=taker)
    found = step(probabilities, IMAGE)
    for row, column in np.ndindex(probabilities.shape[1:]):
        values = probabilities[:, row, column].tolist()
        label = slow_label(values, thresholds, to)
        assert found[:, row, column].argmax() == label, values
        if label == probabilities[:, row, column].argmax():
            np.testing.assert_allclose(found[:, row, column], values, atol=1e-6)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities, before)


def test_an_unsure_class_loses_its_pixels(registry: Registry) -> None:
    """UNKNOWN wins two pixels, one of them with too little."""
    pixels = np.array([[0.1, 0.5, 0.4], [0.2, 0.7, 0.1], [0.5, 0.3, 0.2]], np.float32)
    probabilities = np.ascontiguousarray(pixels.T[:, None])
    to_next = make(registry, thresholds={"UNKNOWN": 0.6})(probabilities, IMAGE)
    assert to_next.argmax(axis=0).tolist() == [[2, 1, 0]]
    np.testing.assert_allclose(to_next[:, 0, 0], [0.2, 0, 0.8], atol=1e-6)
    to_named = make(registry, thresholds={"UNKNOWN": 0.6}, to="Background")(probabilities, IMAGE)
    assert to_named.argmax(axis=0).tolist() == [[0, 1, 0]]
    np.testing.assert_allclose(to_named[:, 0, 0], [0.6, 0, 0.4], atol=1e-5)
    assert (make(registry)(probabilities, IMAGE) == probabilities).all()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"thresholds": {"UNKNWON": 0.5}}, "no class called UNKNWON"),
        ({"thresholds": {"Paper": 1.5}}, "less than or equal to 1"),
        ({"to": "paper"}, "no class called paper"),
        ({"thresholds": {"Paper": 0.5}, "to": "Paper"}, "Paper cannot take"),
    ],
)
def test_wrong_parameters_are_told(
    parameters: dict[str, Any], message: str, registry: Registry
) -> None:
    with pytest.raises(UsageError, match=message):
        make(registry, **parameters)
