from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from toolkit import ComponentSpec, Context, TrashError, UsageError
from toolkit.plugin.registry import Registry

NAMES = ("Background", "Paper", "Glass", "Metal")
SHARE = (0.7, 0.2, 0.1, 0.0)
WEIGHTS = [0.5, 1.0, 2.0, 3.0]
IGNORED = 255


def make(registry: Registry, name: str, /, **parameters: object):
    context = Context(NAMES, pixel_share=SHARE)
    return registry.build("loss", ComponentSpec(name=name, **parameters), context)


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Double logits (2, 4, 3, 5) and a target that lacks class 3 and ignores some pixels."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, 4, 3, 5, generator=generator, dtype=torch.float64) * 2
    target = torch.randint(0, 3, (2, 3, 5), generator=generator)
    target[torch.rand(2, 3, 5, generator=generator) < 0.25] = IGNORED
    return logits.requires_grad_(), target


# Slow and obvious: one pixel at a time, straight from the formulas.


def pixels(logits: Tensor, target: Tensor) -> list[tuple[Tensor, int]]:
    """Probabilities (C,) and label of every pixel that counts."""
    images, _, height, width = logits.shape
    return [
        (torch.softmax(logits[b, :, y, x], 0), int(target[b, y, x]))
        for b in range(images)
        for y in range(height)
        for x in range(width)
        if target[b, y, x] != IGNORED
    ]


def slow_ce(logits, target, weights=None, smoothing=0.0) -> Tensor:
    weights = weights or [1.0] * logits.shape[1]
    n_classes = logits.shape[1]
    total, weight = logits.new_zeros(()), 0.0
    for p, label in pixels(logits, target):
        total = total - (1 - smoothing) * weights[label] * p[label].log()
        for c in range(n_classes):
            total = total - smoothing / n_classes * weights[c] * p[c].log()
        weight += weights[label]
    return total / weight


def slow_dice(logits, target, smooth=1.0) -> Tensor:
    total = logits.new_zeros(())
    for c in range(logits.shape[1]):
        overlap, predicted, present = logits.new_zeros(()), logits.new_zeros(()), 0
        for p, label in pixels(logits, target):
            overlap = overlap + p[c] * (label == c)
            predicted = predicted + p[c]
            present += label == c
        total = total + (2 * overlap + smooth) / (predicted + present + smooth)
    return 1 - total / logits.shape[1]


def slow_focal(logits, target, alpha=0.25, gamma=2.0, weights=None) -> Tensor:
    weights = weights or [1.0] * logits.shape[1]
    total, weight = logits.new_zeros(()), 0.0
    for p, label in pixels(logits, target):
        total = total - weights[label] * alpha * (1 - p[label]) ** gamma * p[label].log()
        weight += weights[label]
    return total / weight


CASES = {
    "ce": ("ce", {}, slow_ce),
    "ce weighted": ("ce", {"class_weights": WEIGHTS}, lambda x, t: slow_ce(x, t, WEIGHTS)),
    "ce 1-share": (
        "ce",
        {"class_weights": "1-share"},
        lambda x, t: slow_ce(x, t, [1 - s for s in SHARE]),
    ),
    "ce inverse": (
        "ce",
        {"class_weights": "inverse"},
        lambda x, t: slow_ce(x, t, [1 / 0.7, 1 / 0.2, 1 / 0.1, 0.0]),
    ),
    "ce smooth": ("ce", {"label_smoothing": 0.2}, lambda x, t: slow_ce(x, t, None, 0.2)),
    "ce weighted smooth": (
        "ce",
        {"class_weights": WEIGHTS, "label_smoothing": 0.2},
        lambda x, t: slow_ce(x, t, WEIGHTS, 0.2),
    ),
    "dice": ("dice", {}, slow_dice),
    "dice smooth": ("dice", {"smooth": 0.1}, lambda x, t: slow_dice(x, t, 0.1)),
    "dice_ce": ("dice_ce", {}, lambda x, t: 0.7 * slow_ce(x, t) + 0.3 * slow_dice(x, t)),
    "dice_ce full": (
        "dice_ce",
        {"dice_weight": 0.25, "class_weights": WEIGHTS, "label_smoothing": 0.1, "smooth": 2.0},
        lambda x, t: 0.75 * slow_ce(x, t, WEIGHTS, 0.1) + 0.25 * slow_dice(x, t, 2.0),
    ),
    "focal": ("focal", {}, slow_focal),
    "focal weighted": (
        "focal",
        {"alpha": 1.0, "gamma": 0.5, "class_weights": WEIGHTS},
        lambda x, t: slow_focal(x, t, 1.0, 0.5, WEIGHTS),
    ),
    "sum": (
        "sum",
        {"terms": [{"name": "focal"}, {"name": "dice", "smooth": 0.5}], "weights": [0.75, 2.0]},
        lambda x, t: 0.75 * slow_focal(x, t) + 2 * slow_dice(x, t, 0.5),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient_match_the_slow_reference(case: str, registry: Registry) -> None:
    name, parameters, reference = CASES[case]
    logits, target = batch()
    value = make(registry, name, **parameters)(logits, target)
    expected = reference(logits, target)
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-9)
    (gradient,) = torch.autograd.grad(value, logits)
    (slow_gradient,) = torch.autograd.grad(expected, logits)
    torch.testing.assert_close(gradient, slow_gradient, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_gradient_is_the_slope_of_the_value(case: str, registry: Registry) -> None:
    name, parameters, _ = CASES[case]
    loss = make(registry, name, **parameters)
    logits, target = batch(1)
    small, label = logits.detach()[:1, :, :2, :2].clone().requires_grad_(), target[:1, :2, :2]
    assert torch.autograd.gradcheck(lambda x: loss(x, label), (small,))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_ce_agrees_with_torch(smoothing: float, registry: Registry) -> None:
    logits, target = batch()
    loss = make(registry, "ce", class_weights=WEIGHTS, label_smoothing=smoothing)
    expected = functional.cross_entropy(
        logits,
        target,
        weight=torch.tensor(WEIGHTS, dtype=torch.float64),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
    )
    torch.testing.assert_close(loss(logits, target), expected)


def test_dice_of_absent_class_costs_what_is_predicted_of_it(registry: Registry) -> None:
    """With nothing predicted an absent class is perfect; (0 + 1) / (n + 1) with n pixels of it."""
    target = torch.zeros(1, 2, 5, dtype=torch.int64)
    right = functional.one_hot(target, 4).movedim(-1, 1).double() * 100
    loss = make(registry, "dice")
    assert loss(right, target).item() == pytest.approx(0, abs=1e-12)
    wrong = right.clone()
    wrong[0, :, 0, 0] = torch.tensor([0.0, 100.0, 0.0, 0.0])
    expected = 1 - ((2 * 9 + 1) / (9 + 10 + 1) + 1 / 2 + 1 + 1) / 4
    assert loss(wrong, target).item() == pytest.approx(expected)


def test_dice_counts_the_whole_batch_at_once(registry: Registry) -> None:
    """One image's objects may make up for another's: not a mean of images or columns."""
    logits, target = batch()
    loss = make(registry, "dice")
    side_by_side = torch.cat([logits[:1], logits[1:]], dim=3)
    joined = torch.cat([target[:1], target[1:]], dim=2)
    torch.testing.assert_close(loss(logits, target), loss(side_by_side, joined))


def test_focal_survives_gamma_below_one_at_certainty(registry: Registry) -> None:
    target = torch.zeros(1, 1, 1, dtype=torch.int64)
    logits = torch.tensor([200.0, 0.0, 0.0, 0.0]).reshape(1, 4, 1, 1).requires_grad_()
    value = make(registry, "focal", gamma=0.5)(logits, target)
    (gradient,) = torch.autograd.grad(value, logits)
    assert value == 0
    assert gradient.isfinite().all()


def test_sum_of_a_foreign_loss_and_a_builtin_one(registry: Registry) -> None:
    from toolkit.builtins.losses.prediction import SumOfLosses

    logits, target = batch()
    ce = make(registry, "ce")
    both = SumOfLosses([(2.0, lambda x, t: x.mean()), (0.5, ce)], IGNORED)
    torch.testing.assert_close(both(logits, target), 2 * logits.mean() + 0.5 * ce(logits, target))


@pytest.mark.parametrize("name", ["ce", "focal"])
def test_a_loss_that_validated_first_can_still_train(name: str, registry: Registry) -> None:
    logits, target = batch()
    loss = make(registry, name, class_weights=WEIGHTS)
    with torch.inference_mode():
        loss(logits, target)
    loss(logits, target).backward()
    assert logits.grad is not None


@pytest.mark.parametrize("term", ["ce", "focal"])
def test_weights_of_another_length_are_refused(term: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match="2 class weights for 4 classes") as raised:
        make(registry, term, class_weights=[1.0, 2.0])
    assert "Background, Paper, Glass, Metal" in raised.value.hint


def test_weights_that_are_all_zero_are_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="all class weights are 0"):
        make(registry, "ce", class_weights=[0.0] * 4)


def test_a_rule_without_pixel_shares_is_refused(registry: Registry) -> None:
    spec = ComponentSpec(name="ce", class_weights="1-share")
    with pytest.raises(TrashError, match="pixel shares"):
        registry.build("loss", spec, Context(NAMES))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"class_weights": "one"}, "class_weights"),
        ({"class_weights": [1, 1, 1, -1]}, "class_weights"),
        ({"label_smoothing": 1.5}, "label_smoothing"),
        ({"smoothing": 0.1}, "unknown key"),
    ],
)
def test_wrong_parameters_are_refused(
    parameters: dict[str, object], message: str, registry: Registry
) -> None:
    with pytest.raises(UsageError, match=message):
        make(registry, "ce", **parameters)


def test_sum_needs_one_weight_per_term(registry: Registry) -> None:
    with pytest.raises(UsageError, match="2 weights for 1 terms"):
        make(registry, "sum", terms=[{"name": "ce"}], weights=[1.0, 2.0])
