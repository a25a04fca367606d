from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

IGNORED = 255


# Slow and obvious: one pixel at a time, straight from the formulas.


def counts(logits: Tensor, target: Tensor, c: int, column: int | None = None) -> list[Tensor]:
    """Soft TP, FP, FN, TN of a class, in the batch or in one column of all its images."""
    tp, fp, fn, tn = (logits.new_zeros(()) for _ in range(4))
    images, _, height, width = logits.shape
    for b in range(images):
        for y in range(height):
            for x in range(width) if column is None else [column]:
                if target[b, y, x] == IGNORED:
                    continue
                p = torch.softmax(logits[b, :, y, x], 0)[c]
                if target[b, y, x] == c:
                    tp, fn = tp + p, fn + 1 - p
                else:
                    fp, tn = fp + p, tn + 1 - p
    return [tp, fp, fn, tn]


def slow_tversky(logits, target, alpha, beta, smooth=1.0, gamma=1.0) -> Tensor:
    total = logits.new_zeros(())
    for c in range(logits.shape[1]):
        tp, fp, fn, _ = counts(logits, target, c)
        total = total + (1 - (tp + smooth) / (tp + alpha * fp + beta * fn + smooth)) ** gamma
    return total / logits.shape[1]


def slow_dice(logits, target, smooth=1.0, columns: tuple[int | None, ...] = (None,)) -> Tensor:
    total = logits.new_zeros(())
    for column in columns:
        for c in range(logits.shape[1]):
            tp, fp, fn, _ = counts(logits, target, c, column)
            total = total + 1 - (2 * tp + smooth) / (2 * tp + fp + fn + smooth)
    return total / (logits.shape[1] * len(columns))


def slow_iou(logits, target, smooth=1.0) -> Tensor:
    total = logits.new_zeros(())
    for c in range(logits.shape[1]):
        tp, fp, fn, _ = counts(logits, target, c)
        total = total + 1 - (tp + smooth) / (tp + fp + fn + smooth)
    return total / logits.shape[1]


def slow_sensitivity_specificity(logits, target, s=0.5, smooth=1.0) -> Tensor:
    total = logits.new_zeros(())
    for c in range(logits.shape[1]):
        tp, fp, fn, tn = counts(logits, target, c)
        sensitivity = (tp + smooth) / (tp + fn + smooth)
        specificity = (tn + smooth) / (tn + fp + smooth)
        total = total + 1 - s * sensitivity - (1 - s) * specificity
    return total / logits.shape[1]


def slow_lovasz(logits, target, per_image=False) -> Tensor:
    """Σ error · (Δ of the set with this pixel − Δ of the set before), Δ(M) = |M| / |truth ∪ M|."""
    groups = [[b] for b in range(len(logits))] if per_image else [list(range(len(logits)))]
    costs = []
    for group in groups:
        places = [(b, y, x) for b in group for y, x in (target[b] != IGNORED).nonzero().tolist()]
        per_class = []
        for c in {int(target[place]) for place in places}:
            truth = {place for place in places if target[place] == c}
            error = {}
            for b, y, x in places:
                p = torch.softmax(logits[b, :, y, x], 0)[c]
                error[b, y, x] = 1 - p if (b, y, x) in truth else p
            wrong: set[tuple[int, int, int]] = set()
            cost, before = logits.new_zeros(()), 0.0
            for place in sorted(places, key=lambda place: -error[place].item()):
                wrong.add(place)
                after = len(wrong) / len(truth | wrong)
                cost, before = cost + error[place] * (after - before), after
            per_class.append(cost)
        costs.append(sum(per_class) / len(per_class))
    return sum(costs) / len(costs)


CASES = {
    "dice": ("dice", {}, slow_dice),
    "dice smooth": ("dice", {"smooth": 0.1}, lambda x, t: slow_dice(x, t, 0.1)),
    "dice legacy": (
        "dice",
        {"legacy": True},
        lambda x, t: slow_dice(x, t, columns=tuple(range(x.shape[3]))),
    ),
    "iou": ("iou", {}, slow_iou),
    "iou smooth": ("jaccard", {"smooth": 0.1}, lambda x, t: slow_iou(x, t, 0.1)),
    "tversky": ("tversky", {}, lambda x, t: slow_tversky(x, t, 0.5, 0.5)),
    "tversky prices": (
        "tversky",
        {"alpha": 0.2, "beta": 1.5, "smooth": 0.3},
        lambda x, t: slow_tversky(x, t, 0.2, 1.5, 0.3),
    ),
    "focal_tversky": ("focal_tversky", {}, lambda x, t: slow_tversky(x, t, 0.3, 0.7, 1.0, 0.75)),
    "focal_tversky prices": (
        "focal_tversky",
        {"alpha": 0.6, "beta": 0.4, "gamma": 2.0, "smooth": 0.5},
        lambda x, t: slow_tversky(x, t, 0.6, 0.4, 0.5, 2.0),
    ),
    "sensitivity_specificity": ("sensitivity_specificity", {}, slow_sensitivity_specificity),
    "ssl": (
        "ssl",
        {"sensitivity": 0.05, "smooth": 0.2},
        lambda x, t: slow_sensitivity_specificity(x, t, 0.05, 0.2),
    ),
    "log_cosh_dice": ("log_cosh_dice", {}, lambda x, t: slow_dice(x, t).cosh().log()),
    "lovasz": ("lovasz", {}, slow_lovasz),
    "lovasz per image": ("lovasz", {"per_image": True}, lambda x, t: slow_lovasz(x, t, True)),
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


def test_absent_class_costs_what_is_predicted_of_it(bench, certain) -> None:
    """With nothing predicted an absent class is perfect; (0 + 1) / (n + 1) with n pixels of it."""
    target = torch.zeros(1, 2, 5, dtype=torch.int64)
    right = certain(target)
    loss = bench.make("dice")
    assert loss(right, target).item() == pytest.approx(0, abs=1e-12)
    wrong = right.clone()
    wrong[0, :, 0, 0] = torch.tensor([0.0, 100.0, 0.0, 0.0])
    expected = 1 - ((2 * 9 + 1) / (9 + 10 + 1) + 1 / 2 + 1 + 1) / 4
    assert loss(wrong, target).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", ["dice", "iou", "tversky", "ssl", "lovasz"])
def test_the_whole_batch_counts_at_once(name: str, bench) -> None:
    """One image's objects may make up for another's: not a mean of images or columns."""
    logits, target = bench.batch()
    loss = bench.make(name)
    side_by_side = torch.cat([logits[:1], logits[1:]], dim=3)
    joined = torch.cat([target[:1], target[1:]], dim=2)
    torch.testing.assert_close(loss(logits, target), loss(side_by_side, joined))


def test_tversky_contains_dice_and_iou(bench) -> None:
    logits, target = bench.batch()
    half = bench.make("tversky", alpha=0.5, beta=0.5, smooth=0.5)
    one = bench.make("tversky", alpha=1.0, beta=1.0)
    torch.testing.assert_close(half(logits, target), bench.make("dice")(logits, target))
    torch.testing.assert_close(one(logits, target), bench.make("iou")(logits, target))


@pytest.mark.parametrize(
    ("parameters", "dear"), [({"alpha": 0.9, "beta": 0.1}, 1), ({"alpha": 0.1, "beta": 0.9}, 0)]
)
@pytest.mark.parametrize("name", ["tversky", "focal_tversky"])
def test_alpha_prices_what_is_added_and_beta_what_is_missed(
    name: str, parameters: dict[str, float], dear: int, bench, certain
) -> None:
    """Class 1 alone has errors that differ: one pixel too many, or one too few."""
    loss = bench.make(name, **parameters)
    target = torch.zeros(1, 4, 8, dtype=torch.int64)
    target[0, 1, 2:6] = 1
    missing, added = target.clone(), target.clone()
    missing[0, 1, 2] = 0
    added[0, 1, 6] = 1
    costs = [loss(certain(chosen), target).item() for chosen in (missing, added)]
    assert costs.index(max(costs)) == dear


def toy(value: str) -> tuple[Tensor, Tensor, Tensor]:
    """Right logits (2, 12, 64, 48), logits that miss a 10 × 10 object in both images, target."""
    target = torch.zeros(2, 64, 48, dtype=torch.int64)
    target[:, 20:30, 15:25] = 3
    if value == "random":
        target = torch.randint(0, 12, (2, 64, 48), generator=torch.Generator().manual_seed(0))
    right = 100 * torch.nn.functional.one_hot(target, 12).movedim(-1, 1).double()
    missed = right.clone()
    missed[:, :, 20:30, 15:25] = right[:, :, :1, :1]
    return right, missed, target


def test_a_missed_object_costs_what_the_column_wise_dice_hides(bench) -> None:
    right, missed, target = toy("object")
    for legacy, expected in ((False, 0.084), (True, 0.018)):
        loss = bench.make("dice", legacy=legacy)
        assert loss(right, target).item() == pytest.approx(0, abs=1e-12)
        assert loss(missed, target).item() == pytest.approx(expected, abs=5e-4)


def test_random_logits_cost_what_the_original_measured(bench) -> None:
    right, _, target = toy("random")
    logits = torch.randn(right.shape, generator=torch.Generator().manual_seed(1))
    assert bench.make("dice")(logits, target).item() == pytest.approx(0.918, abs=2e-3)
    assert bench.make("dice", legacy=True)(logits, target).item() == pytest.approx(0.878, abs=6e-3)


@pytest.mark.parametrize("name", ["dice", "iou", "tversky"])
def test_columns_without_counted_pixels_are_no_columns_in_legacy_mode(name: str, bench) -> None:
    logits, target = bench.batch()
    loss = bench.make(name, legacy=True)
    wider = torch.nn.functional.pad(logits, (0, 3))
    padded = torch.nn.functional.pad(target, (0, 3), value=IGNORED)
    torch.testing.assert_close(loss(wider, padded), loss(logits, target))


def test_counts_of_millions_of_pixels_keep_their_digits(bench) -> None:
    logits = torch.zeros(1, 4, 2048, 2048)
    logits[:, 0] = 4.0
    target = torch.zeros(1, 2048, 2048, dtype=torch.int64)
    p = math.exp(4) / (math.exp(4) + 3)
    expected = (1 - p) / 2 / (p + (1 - p) / 2) / 4 + 3 / 4
    assert bench.make("dice")(logits, target).item() == pytest.approx(expected, rel=1e-5)


def test_focal_tversky_has_a_slope_where_nothing_is_wrong(bench, certain) -> None:
    target = torch.zeros(1, 4, 4, dtype=torch.int64)
    logits = certain(target).requires_grad_()
    value = bench.make("focal_tversky", gamma=0.5)(logits, target)
    value.backward()
    assert value == 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_sensitivity_specificity_falls_as_the_prediction_gets_better(bench, certain) -> None:
    """The original had the sign wrong."""
    _, target = bench.blobs()
    target = target.clamp(max=3)
    right = certain(target) / 100
    costs = [bench.make("ssl")(k * right, target).item() for k in (-2, 0, 2, 8)]
    assert costs == sorted(costs, reverse=True)


def test_lovasz_of_a_certain_prediction_is_one_minus_iou(bench, certain) -> None:
    target = torch.zeros(1, 4, 5, dtype=torch.int64)
    target[0, :, :2] = 1
    chosen = target.clone()
    chosen[0, 0] = 0
    # Class 0: 12 of 14; class 1: 6 of 8.
    value = bench.make("lovasz")(certain(chosen), target)
    assert value.item() == pytest.approx(1 - (12 / 14 + 6 / 8) / 2)


def test_lovasz_per_image_leaves_out_images_without_counted_pixels(bench) -> None:
    logits, target = bench.batch()
    target[1] = IGNORED
    loss = bench.make("lovasz", per_image=True)
    torch.testing.assert_close(loss(logits, target), loss(logits[:1], target[:1]))
    target[0] = IGNORED
    value = loss(logits, target)
    value.backward()
    assert value == 0
    assert not logits.grad.any()


def test_lovasz_steps_keep_their_digits_among_many_pixels(bench) -> None:
    """Each of 10⁶ wrong background pixels gets the same share of the gradient."""
    logits = torch.zeros(1, 4, 1000, 1000, requires_grad=True)
    target = torch.ones(1, 1000, 1000, dtype=torch.int64)
    bench.make("lovasz")(logits, target).backward()
    gradient = logits.grad[0, 1]
    assert gradient.std() < 1e-3 * gradient.mean().abs()
