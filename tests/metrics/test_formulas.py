"""Every built-in metric against a slow reference that looks at pixels, on random label maps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit import ComponentSpec, Context, UsageError
from toolkit.metrics.confusion import count_image
from toolkit.plugin.registry import Registry

IGNORE = 255
Pixels = list[tuple[int, int]]
"""(truth, prediction) of the pixels that count."""
Images = list[Pixels]


def share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def iou(pixels: Pixels, label: int) -> float | None:
    both = sum(t == label and p == label for t, p in pixels)
    return share(both, sum(t == label or p == label for t, p in pixels))


def dice(pixels: Pixels, label: int) -> float | None:
    both = sum(t == label and p == label for t, p in pixels)
    each = sum(t == label for t, _ in pixels) + sum(p == label for _, p in pixels)
    return share(2 * both, each)


def recall(pixels: Pixels, label: int) -> float | None:
    both = sum(t == label and p == label for t, p in pixels)
    return share(both, sum(t == label for t, _ in pixels))


Figure = Callable[[Pixels, int], float | None]


def mean(values: list[float | None], weights: list[float] | None = None) -> float | None:
    pairs = zip(values, weights or [1.0] * len(values), strict=True)
    known = [(value, weight) for value, weight in pairs if value is not None]
    return share(sum(v * w for v, w in known), sum(w for _, w in known))


def of_set(figure: Figure, images: Images, labels: list[int], **options: Any) -> float | None:
    pixels = [pixel for image in images for pixel in image]
    return mean([figure(pixels, label) for label in labels], options.get("weights"))


def of_images(
    figure: Figure, images: Images, labels: list[int], *, one: bool, **options: Any
) -> float | None:
    scores = []
    for pixels in images:
        values = [figure(pixels, label) for label in labels]
        if one and pixels:
            values = [1.0 if value is None else value for value in values]
        scores.append(mean(values, options.get("weights")))
    return mean(scores)


def kappa(images: Images, n_classes: int) -> float | None:
    pixels = [pixel for image in images for pixel in image]
    if not pixels:
        return None
    observed = sum(t == p for t, p in pixels) / len(pixels)
    chance = (
        sum(
            sum(t == label for t, _ in pixels) * sum(p == label for _, p in pixels)
            for label in range(n_classes)
        )
        / len(pixels) ** 2
    )
    return None if chance == 1 else (observed - chance) / (1 - chance)


def frequency_weighted(images: Images, labels: list[int]) -> float | None:
    pixels = [pixel for image in images for pixel in image]
    shares = [sum(t == label for t, _ in pixels) for label in labels]
    return mean([iou(pixels, label) for label in labels], list(map(float, shares)))


def expected(name: str, images: Images, n_classes: int) -> float | None:
    pixels = [pixel for image in images for pixel in image]
    every, objects = list(range(n_classes)), list(range(1, n_classes))
    found: dict[str, float | None] = {
        "miou": of_set(iou, images, every),
        "image_miou": of_images(iou, images, every, one=False),
        "fwiou": frequency_weighted(images, every),
        "dice": of_set(dice, images, objects),
        "image_dice": of_images(dice, images, objects, one=True),
        "mean_accuracy": of_set(recall, images, every),
        "pixel_accuracy": share(sum(t == p for t, p in pixels), len(pixels)),
        "foreground_iou": iou([(min(t, 1), min(p, 1)) for t, p in pixels], 1),
        "cohen_kappa": kappa(images, n_classes),
    }
    return found[name]


@st.composite
def label_maps(draw: st.DrawFn) -> tuple[int, list[tuple[Any, Any]]]:
    """Return the number of classes and (prediction, target) of some images of several sizes."""
    n_classes = draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images = []
    for _ in range(draw(st.integers(1, 5))):
        size = rng.integers(1, 7, 2)
        some = rng.choice(n_classes, rng.integers(1, n_classes + 1), replace=False)
        target = rng.choice(some, size).astype(np.uint8)
        right = rng.random(size) < rng.choice([0.0, 0.5, 1.0])
        prediction = np.where(right, target, rng.integers(0, n_classes, size)).astype(np.uint8)
        target[rng.random(size) < rng.choice([0.0, 0.2, 1.0], p=[0.6, 0.3, 0.1])] = IGNORE
        images.append((prediction, target))
    return n_classes, images


def counts_of(images: list[tuple[Any, Any]], n_classes: int) -> NDArray[np.int64]:
    return np.stack([count_image(p, t, n_classes, IGNORE) for p, t in images])


def pixels_of(images: list[tuple[Any, Any]]) -> Images:
    return [
        [(t, p) for t, p in zip(true.flat, predicted.flat, strict=True) if t != IGNORE]
        for predicted, true in images
    ]


def context(n_classes: int) -> Context:
    return Context(("Background", *(f"class {label}" for label in range(1, n_classes))))


NAMES = (
    "miou",
    "image_miou",
    "fwiou",
    "dice",
    "image_dice",
    "mean_accuracy",
    "pixel_accuracy",
    "foreground_iou",
    "cohen_kappa",
)


def test_every_built_in_metric_is_looked_at_here(registry: Registry) -> None:
    elsewhere = {"boundary_iou"}  # test_boundary.py: it is no function of single pixels
    assert {entry.name for entry in registry.entries("metric")} == set(NAMES) | elsewhere


@settings(max_examples=150, deadline=None)
@given(case=label_maps(), name=st.sampled_from(NAMES))
def test_a_metric_is_what_its_definition_says(
    case: tuple[int, list[tuple[Any, Any]]], name: str, registry: Registry
) -> None:
    n_classes, images = case
    metric = registry.build("metric", ComponentSpec(name=name), context(n_classes))
    counts = counts_of(images, n_classes)
    found = metric(counts).score
    known = expected(name, pixels_of(images), n_classes)
    assert math.isnan(found) if known is None else found == pytest.approx(known, abs=1e-12)
    # Exactly: which image comes first decides nothing.
    assert metric(counts[::-1]).score == found or math.isnan(found)


@settings(max_examples=60, deadline=None)
@given(case=label_maps(), seed=st.integers(0, 99))
def test_options_choose_classes_and_weights(
    case: tuple[int, list[tuple[Any, Any]]], seed: int, registry: Registry
) -> None:
    n_classes, images = case
    rng = np.random.default_rng(seed)
    some = sorted(rng.choice(n_classes, rng.integers(1, n_classes + 1), replace=False).tolist())
    names = context(n_classes).class_names
    weights = [float(rng.integers(1, 5)) for _ in some]
    spec = {
        "classes": [names[label] for label in some],
        "background": True,
        "weights": {names[label]: weight for label, weight in zip(some, weights, strict=True)},
    }
    counts, pixels = counts_of(images, n_classes), pixels_of(images)
    for name, known in (
        ("miou", of_set(iou, pixels, some, weights=weights)),
        ("dice", of_set(dice, pixels, some, weights=weights)),
        ("mean_accuracy", of_set(recall, pixels, some, weights=weights)),
        ("image_miou", of_images(iou, pixels, some, one=False, weights=weights)),
        ("image_dice", of_images(dice, pixels, some, one=True, weights=weights)),
    ):
        metric = registry.build("metric", ComponentSpec(name=name, **spec), context(n_classes))
        found = metric(counts)
        assert math.isnan(found.score) if known is None else found.score == pytest.approx(known)
        others = np.delete(found.classes, some)
        assert np.isnan(others).all()


@settings(max_examples=40, deadline=None)
@given(label_maps())
def test_an_absent_class_is_right_or_says_nothing(
    registry: Registry, case: tuple[int, list[tuple[Any, Any]]]
) -> None:
    n_classes, images = case
    every, pixels = list(range(n_classes)), pixels_of(images)
    for absent, one in (("skip", False), ("one", True)):
        spec = ComponentSpec(name="image_miou", absent=absent)
        found = registry.build("metric", spec, context(n_classes))(counts_of(images, n_classes))
        known = of_images(iou, pixels, every, one=one)
        assert math.isnan(found.score) if known is None else found.score == pytest.approx(known)


def test_classes_that_are_not_there_are_refused(registry: Registry) -> None:
    spec = ComponentSpec(name="dice", classes=["clas 1"])
    with pytest.raises(UsageError, match="no class called clas 1") as caught:
        registry.build("metric", spec, context(3))
    assert caught.value.hint == "Did you mean class 1?"
    with pytest.raises(UsageError, match="no class counts for the metric"):
        registry.build("metric", ComponentSpec(name="dice", classes=["Background"]), context(3))
