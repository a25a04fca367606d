from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

IGNORED = 255
WEIGHTS = [0.5, 1.0, 2.0, 3.0]


# Slow and obvious: one pixel at a time, straight from the formulas.


def pixels(logits: Tensor, target: Tensor) -> list[tuple[Tensor, int, tuple[int, int, int]]]:
    """Probabilities (C,), label and place of every pixel that counts."""
    images, _, height, width = logits.shape
    return [
        (torch.softmax(logits[b, :, y, x], 0), int(target[b, y, x]), (b, y, x))
        for b in range(images)
        for y in range(height)
        for x in range(width)
        if target[b, y, x] != IGNORED
    ]


def slow_ce(logits, target, weights=None, smoothing=0.0) -> Tensor:
    weights = weights or [1.0] * logits.shape[1]
    n_classes = logits.shape[1]
    total, weight = logits.new_zeros(()), 0.0
    for p, label, _ in pixels(logits, target):
        total = total - (1 - smoothing) * weights[label] * p[label].log()
        for c in range(n_classes):
            total = total - smoothing / n_classes * weights[c] * p[c].log()
        weight += weights[label]
    return total / weight


def slow_focal(logits, target, alpha=0.25, gamma=2.0, weights=None) -> Tensor:
    weights = weights or [1.0] * logits.shape[1]
    total, weight = logits.new_zeros(()), 0.0
    for p, label, _ in pixels(logits, target):
        total = total - weights[label] * alpha * (1 - p[label]) ** gamma * p[label].log()
        weight += weights[label]
    return total / weight


def slow_bce(logits, target, weights=None) -> Tensor:
    weights = weights or [1.0] * logits.shape[1]
    counted = pixels(logits, target)
    total = logits.new_zeros(())
    for _, label, (b, y, x) in counted:
        for c, weight in enumerate(weights):
            yes = torch.sigmoid(logits[b, c, y, x])
            total = total - weight * (yes if c == label else 1 - yes).log()
    return total / (len(counted) * sum(weights))


def slow_hardest(logits, target, share, threshold=0.0, weights=None) -> Tensor:
    weights = weights or [1.0] * logits.shape[1]
    counted = [(p[label], weights[label]) for p, label, _ in pixels(logits, target)]
    counted = sorted((pair for pair in counted if pair[1]), key=lambda pair: pair[0].item())
    below = sum(p.item() < threshold for p, _ in counted)
    kept = counted[: max(below, 1, round(share * len(counted)))]
    return -sum(weight * p.log() for p, weight in kept) / sum(weight for _, weight in kept)


def slow_distance_ce(logits, target, penalty=1.0, weights=None) -> Tensor:
    weights = weights or [1.0] * logits.shape[1]
    counted = pixels(logits, target)
    distance = {}
    for _, label, (b, y, x) in counted:
        others = [
            math.hypot(y - v, x - u)
            for _, other, (image, v, u) in counted
            if image == b and other != label
        ]
        distance[b, y, x] = min(others, default=None)
    total, weight = logits.new_zeros(()), 0.0
    for p, label, place in counted:
        far = [d for (b, *_), d in distance.items() if b == place[0] and d is not None]
        near = 0.0
        if far:
            near = 1 - (distance[place] - 1) / max(max(far) - 1, 1)
        total = total - weights[label] * (1 + penalty * near) * p[label].log()
        weight += weights[label]
    return total / weight


def effective(n: int) -> float:
    return (1 - 0.999) / (1 - 0.999**n)


EFFECTIVE = np.array([effective(1000), effective(500), effective(20)])

CASES = {
    "ce": ("ce", {}, slow_ce),
    "ce weighted": ("ce", {"class_weights": WEIGHTS}, lambda x, t: slow_ce(x, t, WEIGHTS)),
    "ce 1-share": (
        "ce",
        {"class_weights": "1-share"},
        lambda x, t: slow_ce(x, t, [0.3, 0.8, 0.9, 1.0]),
    ),
    "ce inverse": (
        "ce",
        {"class_weights": "inverse"},
        lambda x, t: slow_ce(x, t, [1 / 0.7, 1 / 0.2, 1 / 0.1, 0.0]),
    ),
    "ce effective": (
        "ce",
        {"class_weights": "effective"},
        lambda x, t: slow_ce(x, t, [*EFFECTIVE / EFFECTIVE.mean(), 0.0]),
    ),
    "ce smooth": ("ce", {"label_smoothing": 0.2}, lambda x, t: slow_ce(x, t, None, 0.2)),
    "ce weighted smooth": (
        "ce",
        {"class_weights": WEIGHTS, "label_smoothing": 0.2},
        lambda x, t: slow_ce(x, t, WEIGHTS, 0.2),
    ),
    "focal": ("focal", {}, slow_focal),
    "focal weighted": (
        "focal",
        {"alpha": 1.0, "gamma": 0.5, "class_weights": WEIGHTS},
        lambda x, t: slow_focal(x, t, 1.0, 0.5, WEIGHTS),
    ),
    "bce": ("bce", {}, slow_bce),
    "bce weighted": ("bce", {"class_weights": WEIGHTS}, lambda x, t: slow_bce(x, t, WEIGHTS)),
    "topk_ce": ("topk_ce", {}, lambda x, t: slow_hardest(x, t, 0.1)),
    "topk_ce weighted": (
        "topk_ce",
        {"share": 0.4, "class_weights": [0.0, 1.0, 2.0, 3.0]},
        lambda x, t: slow_hardest(x, t, 0.4, weights=[0.0, 1.0, 2.0, 3.0]),
    ),
    "ohem_ce": ("ohem_ce", {}, lambda x, t: slow_hardest(x, t, 0.0625, 0.7)),
    "ohem_ce few below": (
        "ohem_ce",
        {"threshold": 0.01, "min_share": 0.5, "class_weights": WEIGHTS},
        lambda x, t: slow_hardest(x, t, 0.5, 0.01, WEIGHTS),
    ),
    "distance_ce": ("distance_ce", {}, slow_distance_ce),
    "distance_ce weighted": (
        "distance_ce",
        {"penalty": 3.0, "class_weights": WEIGHTS},
        lambda x, t: slow_distance_ce(x, t, 3.0, WEIGHTS),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient_match_the_slow_reference(case: str, bench) -> None:
    name, parameters, reference = CASES[case]
    loss = bench.make(name, **parameters)
    bench.agrees(loss, reference, bench.batch())
    bench.agrees(loss, reference, bench.blobs())


@pytest.mark.parametrize("case", CASES)
def test_gradient_is_the_slope_of_the_value(case: str, bench) -> None:
    name, parameters, _ = CASES[case]
    bench.slopes(bench.make(name, **parameters), bench.batch(1, (2, 3)))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_ce_agrees_with_torch(smoothing: float, bench) -> None:
    logits, target = bench.batch()
    loss = bench.make("ce", class_weights=WEIGHTS, label_smoothing=smoothing)
    expected = functional.cross_entropy(
        logits,
        target,
        weight=torch.tensor(WEIGHTS, dtype=torch.float64),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
    )
    torch.testing.assert_close(loss(logits, target), expected)


def test_focal_survives_gamma_below_one_at_certainty(bench) -> None:
    target = torch.zeros(1, 1, 1, dtype=torch.int64)
    logits = torch.tensor([200.0, 0.0, 0.0, 0.0]).reshape(1, 4, 1, 1).requires_grad_()
    value = bench.make("focal", gamma=0.5)(logits, target)
    (gradient,) = torch.autograd.grad(value, logits)
    assert value == 0
    assert gradient.isfinite().all()


def test_bce_takes_each_logit_for_itself(bench) -> None:
    """Adding a number to all logits of a pixel changes nothing for a softmax."""
    logits, target = bench.batch()
    loss = bench.make("bce")
    assert loss(logits + 1, target).item() != pytest.approx(loss(logits, target).item(), rel=0.01)


def test_only_the_hardest_pixels_get_a_gradient(bench) -> None:
    logits, target = bench.batch(size=(10, 10))
    bench.make("topk_ce", share=0.2)(logits, target).backward()
    touched = (logits.grad != 0).any(dim=1)
    assert touched.sum() == round(0.2 * (target != IGNORED).sum().item())


def test_a_small_share_of_few_pixels_is_one_pixel(bench) -> None:
    logits, target = bench.batch()
    bench.make("topk_ce", share=0.001)(logits, target).backward()
    assert (logits.grad != 0).any(dim=1).sum() == 1


def test_ohem_with_easy_pixels_alone_keeps_the_least_share(bench, certain) -> None:
    target = torch.zeros(1, 4, 8, dtype=torch.int64)
    logits = (certain(target) / 25).requires_grad_()
    bench.make("ohem_ce", min_share=0.25)(logits, target).backward()
    assert (logits.grad != 0).any(dim=1).sum() == 8


def test_distance_ce_counts_borders_more_than_the_middle(bench) -> None:
    target = torch.zeros(1, 1, 9, dtype=torch.int64)
    target[..., 5:] = 1
    logits = torch.zeros(1, 4, 1, 9, dtype=torch.float64, requires_grad=True)
    bench.make("distance_ce")(logits, target).backward()
    per_pixel = logits.grad.abs().sum(dim=1).flatten()
    assert per_pixel / per_pixel[0] == pytest.approx([1, 1.25, 1.5, 1.75, 2, 2, 1.75, 1.5, 1.25])


@pytest.mark.parametrize("name", ["ce", "focal", "bce", "topk_ce", "distance_ce"])
def test_a_loss_that_validated_first_can_still_train(name: str, bench) -> None:
    logits, target = bench.batch()
    loss = bench.make(name, class_weights=WEIGHTS)
    with torch.inference_mode():
        loss(logits, target)
    loss(logits, target).backward()
    assert logits.grad is not None
