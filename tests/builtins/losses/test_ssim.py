from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from toolkit import UsageError
from toolkit.builtins.losses.ms_ssim import scale_weights

IGNORED = 255
C1, C2 = 0.01**2, 0.03**2


# Slow and obvious: the window around one pixel at a time.


def slow_compare(
    first: Tensor, second: Tensor, weight: Tensor, window: int, sigma: float, inside: bool = True
) -> tuple[Tensor, Tensor]:
    """SSIM and contrast–structure of two images (H, W).

    Args:
        first: an image.
        second: the other.
        weight: (H, W), of the pixels.
        window: side of the window.
        sigma: of its weights.
        inside: average over what lies in the image; else there are zeros around it.
    """
    height, width = first.shape
    half = window // 2
    similarities, structures = [], []
    normal = sum(math.exp(-((i - half) ** 2) / (2 * sigma**2)) for i in range(window)) ** 2
    for y in range(height):
        for x in range(width):
            top, left = max(y - half, 0), max(x - half, 0)
            part = (slice(top, y + half + 1), slice(left, x + half + 1))
            a, b, w = first[part], second[part], weight[part].clone()
            for i in range(w.shape[0]):
                for j in range(w.shape[1]):
                    square = (top + i - y) ** 2 + (left + j - x) ** 2
                    w[i, j] *= math.exp(-square / (2 * sigma**2))
            total = w.sum() if inside else normal
            if total == 0:
                similarities.append(first.new_zeros(()))
                structures.append(first.new_zeros(()))
                continue
            mean_a, mean_b = (w * a).sum() / total, (w * b).sum() / total
            var_a = (w * a * a).sum() / total - mean_a**2
            var_b = (w * b * b).sum() / total - mean_b**2
            cov = (w * a * b).sum() / total - mean_a * mean_b
            structures.append((2 * cov + C2) / (var_a + var_b + C2))
            luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
            similarities.append(luminance * structures[-1])
    return torch.stack(similarities).view(height, width), torch.stack(structures).view(
        height, width
    )


def slow_ssim(logits, target, window=11, sigma=1.5) -> Tensor:
    counted = target != IGNORED
    total = logits.new_zeros(())
    for b, own in enumerate(counted.double()):
        for c, p in enumerate(torch.softmax(logits[b], 0)):
            similarity, _ = slow_compare(p, (target[b] == c).double(), own, window, sigma)
            total = total + ((1 - similarity) / 2 * own).sum()
    return total / (counted.sum() * logits.shape[1])


def slow_legacy(logits, target, window=11, sigma=1.5) -> Tensor:
    counted = target != IGNORED
    total = logits.new_zeros(())
    for b, own in enumerate(counted.double()):
        chosen, truth = logits[b].argmax(0) * own, target[b] * own
        ones = torch.ones_like(own)
        similarity, _ = slow_compare(chosen, truth, ones, window, sigma, inside=False)
        total = total + ((1 - similarity).clamp(0, 1) / 2 * own).sum()
    return total / counted.sum()


def slow_halve(image: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    height, width = (math.ceil(side / 2) for side in image.shape)
    means, weights = [], []
    for y in range(height):
        for x in range(width):
            part = (slice(2 * y, 2 * y + 2), slice(2 * x, 2 * x + 2))
            weights.append(weight[part].mean())
            total = weight[part].sum()
            means.append((image[part] * weight[part]).sum() / (total if total else 1))
    return torch.stack(means).view(height, width), torch.stack(weights).view(height, width)


def slow_ms_ssim(logits, target, exponents, window=11, sigma=1.5) -> Tensor:
    total, images = logits.new_zeros(()), 0
    for b, own in enumerate((target != IGNORED).double()):
        if not own.any():
            continue
        images += 1
        for c, p in enumerate(torch.softmax(logits[b], 0)):
            first, second, weight = p, (target[b] == c).double(), own
            product = logits.new_ones(())
            for scale, exponent in enumerate(exponents):
                if scale:
                    first, _ = slow_halve(first, weight)
                    second, weight = slow_halve(second, weight)
                similarity, structure = slow_compare(first, second, weight, window, sigma)
                chosen = similarity if scale == len(exponents) - 1 else structure
                mean = (chosen * weight).sum() / weight.sum()
                product = product * mean.clamp(min=1e-3) ** exponent
            total = total + (1 - product) / logits.shape[1]
    return total / images


THREE = [0.0448 / 0.6305, 0.2856 / 0.6305, 0.3001 / 0.6305]

CASES = {
    "ssim": ("ssim", {}, slow_ssim),
    "ssim window": (
        "ssim",
        {"window": 5, "sigma": 0.8},
        partial(slow_ssim, window=5, sigma=0.8),
    ),
    "ms_ssim, one scale": ("ms_ssim", {}, partial(slow_ms_ssim, exponents=[1.0])),
    "ms_ssim, three scales": (
        "ms_ssim",
        {"window": 3},
        partial(slow_ms_ssim, exponents=THREE, window=3),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_value_and_gradient_match_the_slow_reference(case: str, bench) -> None:
    name, parameters, reference = CASES[case]
    loss = bench.make(name, **parameters)
    # The second image is nearly right: every scale has a similarity above 0.
    for logits, target in (bench.batch(size=(13, 12)), bench.blobs(size=(12, 13))):
        truth = torch.nn.functional.one_hot(target.clamp(max=3), 4).movedim(-1, 1)
        better = (logits.detach() + 3 * truth).requires_grad_()
        bench.agrees(loss, reference, (better, target))


@pytest.mark.parametrize("case", CASES)
def test_gradient_is_the_slope_of_the_value(case: str, bench) -> None:
    name, parameters, _ = CASES[case]
    bench.slopes(bench.make(name, **parameters), bench.blobs(1, (6, 7)))


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_a_right_prediction_costs_nothing_and_a_wrong_one_much(name: str, bench, certain) -> None:
    _, target = bench.blobs(size=(48, 40))
    target = target.clamp(max=3)
    loss = bench.make(name)
    assert loss(certain(target), target).item() == pytest.approx(0, abs=1e-9)
    assert loss(certain((target + 1) % 4), target).item() > 0.3


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_images_smaller_than_the_window_are_compared_all_the_same(name: str, bench) -> None:
    logits, target = bench.batch(size=(1, 4))
    target[0, 0, 0] = 0
    value = bench.make(name)(logits, target)
    value.backward()
    assert 0 < value < 1
    assert logits.grad.any()


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_ignored_pixels_are_as_if_the_image_ended_there(name: str, bench) -> None:
    logits, target = bench.blobs(size=(10, 10))
    wider = torch.nn.functional.pad(logits, (1, 2, 0, 3))
    padded = torch.nn.functional.pad(target, (1, 2, 0, 3), value=IGNORED)
    loss = bench.make(name, window=7)
    torch.testing.assert_close(loss(wider, padded), loss(logits, target))


def test_an_image_without_counted_pixels_is_no_image(bench) -> None:
    logits, target = bench.blobs(size=(12, 12))
    target[1] = IGNORED
    for name in ("ssim", "ms_ssim"):
        loss = bench.make(name)
        torch.testing.assert_close(loss(logits, target), loss(logits[:1], target[:1]))


@pytest.mark.parametrize(
    ("side", "scales"), [(512, 5), (256, 5), (175, 4), (128, 4), (24, 2), (21, 1), (8, 1)]
)
def test_there_are_as_many_scales_as_the_window_fits_into(side: int, scales: int) -> None:
    weights = scale_weights(side, 11)
    assert len(weights) == scales
    assert sum(weights) == pytest.approx(1)
    assert weights[0] / weights[-1] == pytest.approx(
        0.0448 / (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)[scales - 1]
    )


def test_ms_ssim_has_a_finite_slope_where_structures_are_opposed(bench) -> None:
    """A checkerboard against its negative has a covariance below 0."""
    rows, columns = torch.meshgrid(torch.arange(24), torch.arange(24), indexing="ij")
    target = ((rows + columns) % 2)[None]
    logits = 3 * torch.nn.functional.one_hot(1 - target, 4).movedim(-1, 1).double()
    logits.requires_grad_()
    value = bench.make("ms_ssim")(logits, target)
    value.backward()
    assert value.isfinite()
    assert logits.grad.isfinite().all()
    assert logits.grad.abs().max() < 1


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_validation_needs_no_gradient(name: str, bench) -> None:
    logits, target = bench.blobs()
    loss = bench.make(name)
    with torch.inference_mode():
        value = loss(logits, target)
    assert not value.requires_grad
    assert value.item() == pytest.approx(loss(logits, target).item())


@pytest.mark.parametrize("name", ["ssim", "ms_ssim", "oh_my"])
@pytest.mark.parametrize("window", [4, 10])
def test_an_even_window_is_refused(name: str, window: int, bench) -> None:
    with pytest.raises(UsageError, match=f"window = {window}") as raised:
        bench.make(name, window=window)
    assert f"{window - 1} or {window + 1}" in raised.value.hint
    assert raised.value.parameter == "window"


# The original's: label ids as intensities.


@pytest.mark.parametrize("size", [(12, 13), (4, 5)])
def test_legacy_matches_the_slow_reference_and_has_no_gradient(
    size: tuple[int, int], bench
) -> None:
    logits, target = bench.blobs(size=size)
    value = bench.make("ssim", legacy=True)(logits, target)
    assert not value.requires_grad
    torch.testing.assert_close(value, slow_legacy(logits, target), rtol=1e-6, atol=1e-9)


def test_legacy_takes_label_ids_for_intensities(bench, certain) -> None:
    """2 for 3 is nearly right; 0 for an object costs much the same whatever its label is."""
    costs = {}
    for label, chosen in ((3, 2), (3, 0), (2, 0), (1, 0)):
        target = torch.zeros(1, 32, 32, dtype=torch.int64)
        target[0, 11:21, 11:21] = label
        prediction = torch.where(target == label, chosen, target)
        loss = bench.make("ssim", legacy=True)
        costs[label, chosen] = loss(certain(prediction), target).item()
    assert costs[3, 2] < 0.15 * costs[3, 0]
    assert costs[1, 0] > 0.85 * costs[3, 0]
    assert costs[2, 0] > 0.95 * costs[3, 0]
