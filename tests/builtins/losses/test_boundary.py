from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from toolkit.builtins.losses.distances import SignedDistances, boundary_distances

IGNORED = 255


# Slow and obvious: every pixel against every other.


def slow_distance(labels: list[list[int]], y: int, x: int, c: int) -> float | None:
    """Signed distance to the border of label c; None where the image has no such border."""

    def nearest(wanted) -> float | None:
        return min(
            (
                math.hypot(y - v, x - u)
                for v, row in enumerate(labels)
                for u, label in enumerate(row)
                if label != IGNORED and wanted(label)
            ),
            default=None,
        )

    inside = labels[y][x] == c
    to_border = nearest(lambda label: label != c) if inside else nearest(lambda label: label == c)
    if to_border is None or nearest(lambda label: True) is None:
        return None
    return 0.5 - to_border if inside else to_border - 0.5


def diagonal(logits: Tensor) -> float:
    return math.hypot(*logits.shape[2:])


def borders(labels: list[list[int]]) -> set[int]:
    there = {label for row in labels for label in row if label != IGNORED}
    return there if len(there) > 1 else set()


def slow_boundary(logits, target) -> Tensor:
    total, counted = logits.new_zeros(()), 0
    for b, image in enumerate(target.tolist()):
        for y, row in enumerate(image):
            for x, label in enumerate(row):
                if label == IGNORED:
                    continue
                counted += 1
                p = torch.softmax(logits[b, :, y, x], 0)
                for c in borders(image):
                    total = total + p[c] * slow_distance(image, y, x, c) / diagonal(logits)
    return total / counted


def slow_hausdorff(logits, target, alpha=2.0) -> Tensor:
    total, counted = logits.new_zeros(()), 0
    for b, image in enumerate(target.tolist()):
        chosen = torch.where(target[b] == IGNORED, IGNORED, logits[b].argmax(0)).tolist()
        for y, row in enumerate(image):
            for x, label in enumerate(row):
                if label == IGNORED:
                    continue
                counted += 1
                p = torch.softmax(logits[b, :, y, x], 0)
                for c in borders(image):
                    d = abs(slow_distance(image, y, x, c)) / diagonal(logits)
                    weight = d**alpha
                    if c in borders(chosen):
                        d = abs(slow_distance(chosen, y, x, c)) / diagonal(logits)
                        weight += d**alpha
                    total = total + (p[c] - float(label == c)) ** 2 * weight
    return total / counted


CASES = {
    "boundary": ("boundary", {}, slow_boundary),
    "hausdorff": ("hausdorff", {}, slow_hausdorff),
    "hausdorff alpha": ("hausdorff", {"alpha": 0.7}, lambda x, t: slow_hausdorff(x, t, 0.7)),
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
    bench.slopes(bench.make(name, **parameters), bench.batch(1, (3, 3)))


def test_distances_match_a_search_over_all_pixels() -> None:
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(0, 3, (1, 6, 5), generator=generator)
    labels = labels.repeat_interleave(4, 1).repeat_interleave(4, 2)
    valid = (torch.rand(1, 24, 20, generator=generator) < 0.8).float()
    image = torch.where(valid[0] > 0, labels[0], IGNORED).tolist()
    signed = SignedDistances(labels, valid)
    assert signed.pairs == ((0, 0), (0, 1), (0, 2))
    maps = signed.stack(signed.pairs) * math.hypot(24, 20)
    nearest = boundary_distances(labels, valid)
    for y, row in enumerate(image):
        for x, label in enumerate(row):
            if label == IGNORED:
                assert nearest[0, y, x] == 0
                continue
            expected = [slow_distance(image, y, x, c) for c in range(3)]
            assert maps[:, y, x].tolist() == pytest.approx(expected, abs=1e-3)
            assert nearest[0, y, x] == pytest.approx(0.5 - expected[label], abs=1e-3)


def test_labels_that_fill_an_image_have_no_border() -> None:
    labels, valid = torch.zeros(2, 3, 4, dtype=torch.int64), torch.ones(2, 3, 4)
    labels[1, 0, 0], valid[1, 0, 0] = 1, 0  # an ignored pixel makes none either
    signed = SignedDistances(labels, valid)
    assert signed.pairs == ()
    assert signed.stack(((0, 0), (1, 1))).tolist() == torch.zeros(2, 3, 4).tolist()
    assert not boundary_distances(labels, valid).any()


@pytest.mark.parametrize("name", ["boundary", "hausdorff"])
def test_images_without_a_border_cost_nothing(name: str, bench) -> None:
    logits, target = bench.batch()
    value = bench.make(name)(logits, torch.zeros_like(target))
    value.backward()
    assert value == 0
    assert not logits.grad.any()


@pytest.mark.parametrize("name", ["boundary", "hausdorff"])
def test_errors_cost_more_the_farther_they_are(name: str, bench, certain) -> None:
    target = torch.zeros(1, 16, 16, dtype=torch.int64)
    target[0, 2:6, 2:6] = 1
    loss, costs = bench.make(name), []
    for place in (6, 9, 12, 15):
        wrong = target.clone()
        wrong[0, place, place] = 1
        costs.append(loss(certain(wrong), target).item())
    assert costs == sorted(costs)
    assert costs[0] > loss(certain(target), target).item()


@pytest.mark.parametrize("name", ["boundary", "hausdorff"])
def test_the_value_does_not_depend_on_the_resolution(name: str, bench) -> None:
    logits, target = bench.blobs(size=(24, 24))
    fine = [item.repeat_interleave(4, -1).repeat_interleave(4, -2) for item in (logits, target)]
    loss = bench.make(name)
    assert loss(*fine).item() == pytest.approx(loss(logits, target).item(), rel=0.1)


def test_hausdorff_sees_the_border_of_the_prediction(bench, certain) -> None:
    """A far speck has a border of its own: the error is as far from the target's, not from it."""
    target = torch.zeros(1, 16, 16, dtype=torch.int64)
    target[0, 2:6, 2:6] = 1
    empty = torch.zeros_like(target)
    missed = bench.make("hausdorff")(certain(empty), target).item()
    # Sixteen pixels of both labels are wrong; the prediction has no border.
    expected = 2 * (12 * 0.5**2 + 4 * 1.5**2) / (16**2 * 2 * 16**2)
    assert missed == pytest.approx(expected)
