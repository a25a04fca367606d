"""Elastic, grid and optical distortion against their formulas."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from toolkit import ComponentSpec, Context, Sample
from toolkit.builtins.augmentations.elastic import Elastic
from toolkit.builtins.augmentations.warps import GridDistortion, OpticalDistortion, move_pixels
from toolkit.plugin.registry import Registry


def noise(height: int, width: int) -> Sample:
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8), (width, height))
    return Sample(image, rng.integers(0, 12, (height, width), dtype=np.uint8))


def mirrored(i: int, size: int) -> int:
    period = 2 * (size - 1)
    i %= period
    return i if i < size else period - i


def taken_from(sample: Sample, place: Callable[[int, int], tuple[float, float]]) -> Sample:
    """Move every pixel by plain loops: bilinear image, nearest labels, mirrored border."""
    height, width = sample.mask.shape
    image, mask = np.empty_like(sample.image), np.empty_like(sample.mask)
    for y in range(height):
        for x in range(width):
            from_x, from_y = place(x, y)
            mask[y, x] = sample.mask[
                mirrored(int(np.rint(from_y)), height), mirrored(int(np.rint(from_x)), width)
            ]
            x0, y0 = int(np.floor(from_x)), int(np.floor(from_y))
            value = np.zeros(3)
            for row, weight_y in ((y0, y0 + 1 - from_y), (y0 + 1, from_y - y0)):
                for column, weight_x in ((x0, x0 + 1 - from_x), (x0 + 1, from_x - x0)):
                    pixel = sample.image[mirrored(row, height), mirrored(column, width)]
                    value += weight_y * weight_x * pixel
            image[y, x] = np.rint(value)
    return Sample(image, mask)


def assert_same(result: Sample, expected: Sample) -> None:
    # Places are rounded to 1/32 pixel for the image; labels may differ where one lies half way.
    assert np.abs(result.image.astype(int) - expected.image).max() <= 6
    assert np.abs(result.image.astype(int) - expected.image).mean() < 0.7
    assert (result.mask != expected.mask).mean() < 0.002


@pytest.mark.parametrize(("height", "width"), [(32, 32), (70, 45), (33, 50)])
def test_pixels_are_taken_from_the_places_given(height: int, width: int) -> None:
    sample = noise(height, width)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = 1.1 * x - 0.2 * y - 3.3, 0.1 * x + 0.9 * y + 7.7
    result = move_pixels(sample, lambda rows: (x[rows], y[rows]))
    expected = taken_from(
        sample, lambda column, row: (float(x[row, column]), float(y[row, column]))
    )
    assert_same(result, expected)


def test_grid_distortion_matches_its_formula() -> None:
    height, width, steps, limit = 50, 41, 4, 0.6
    sample = noise(height, width)
    rng = np.random.default_rng(8)
    cells_x = rng.uniform(1 - limit, 1 + limit, steps)
    cells_y = rng.uniform(1 - limit, 1 + limit, steps)

    def along(at: int, length: int, cells: np.ndarray) -> float:
        cell_length = (length - 1) / steps
        cell = min(int(at / cell_length), steps - 1)
        within = at / cell_length - cell
        return (cells[:cell].sum() + within * cells[cell]) * (length - 1) / cells.sum()

    result = GridDistortion(steps, limit)(sample, np.random.default_rng(8))
    expected = taken_from(
        sample, lambda x, y: (along(x, width, cells_x), along(y, height, cells_y))
    )
    assert_same(result, expected)


@pytest.mark.parametrize(("height", "width", "steps"), [(46, 46, 12), (48, 48, 25), (20, 30, 64)])
def test_grid_distortion_keeps_the_frame_at_any_number_of_cells(
    height: int, width: int, steps: int
) -> None:
    """Rows and columns keep their order, and the first and last stay where they are."""
    columns = np.arange(width, dtype=np.uint8)[None].repeat(height, axis=0)
    for seed in range(5):
        sample = Sample(np.zeros((height, width, 3), np.uint8), columns)
        mask = GridDistortion(steps, 0.9)(sample, np.random.default_rng(seed)).mask
        assert (mask[:, 0] == 0).all()
        assert (mask[:, -1] == width - 1).all()
        assert (np.diff(mask.astype(int), axis=1) >= 0).all()


@pytest.mark.parametrize("limit", [0.4, 2.0])
def test_optical_distortion_matches_its_formula(limit: float) -> None:
    height, width = 60, 44
    sample = noise(height, width)
    for seed in range(3):
        k = np.random.default_rng(seed).uniform(-limit, limit)

        def place(x: int, y: int, k: float = k) -> tuple[float, float]:
            right, down = x - (width - 1) / 2, y - (height - 1) / 2
            squared = (right / width) ** 2 + (down / height) ** 2
            factor = 1 + k * squared + k * squared**2
            return (width - 1) / 2 + right * factor, (height - 1) / 2 + down * factor

        result = OpticalDistortion(limit)(sample, np.random.default_rng(seed))
        assert_same(result, taken_from(sample, place))


def test_optical_distortion_is_that_of_opencv() -> None:
    height, width = 48, 64
    sample = noise(height, width)
    k = np.random.default_rng(2).uniform(-1, 1)
    camera = np.array([[width, 0, (width - 1) / 2], [0, height, (height - 1) / 2], [0, 0, 1.0]])
    x, y = cv2.initUndistortRectifyMap(
        camera, np.array([k, k, 0, 0]), None, camera, (width, height), cv2.CV_32FC1
    )
    expected = move_pixels(sample, lambda rows: (x[rows], y[rows]))
    result = OpticalDistortion(1.0)(sample, np.random.default_rng(2))
    assert (result.mask != expected.mask).mean() < 0.002
    assert np.abs(result.image.astype(int) - expected.image).max() <= 3


def test_elastic_without_strength_changes_nothing(registry: Registry) -> None:
    sample = noise(96, 96)
    spec = ComponentSpec(name="elastic", alpha=1e-6, sigma=6.0, affine=0.0)
    still = registry.build("augmentation", spec, Context(("a", "b")))
    result = still(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(result.mask, sample.mask)
    assert np.abs(result.image.astype(int) - sample.image).max() <= 1


def gaussian(sigma: float) -> np.ndarray:
    taps = np.arange(-int(4 * sigma + 0.5), int(4 * sigma + 0.5) + 1)
    kernel = np.exp(-(taps**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def test_elastic_matches_its_formula() -> None:
    """Every pixel comes from its place plus alpha × smoothed uniform noise; plain loops."""
    size, sigma, alpha = 24, 2.0, 60.0
    noise_x = np.random.default_rng(3).random((size, size), dtype=np.float32) * 2 - 1
    kernel = gaussian(sigma)
    taps = range(-8, 9)

    def smooth_at(y: int, x: int) -> float:
        return sum(
            kernel[i] * kernel[j] * noise_x[mirrored(y + dy, size), mirrored(x + dx, size)]
            for i, dy in enumerate(taps)
            for j, dx in enumerate(taps)
        )

    # Labels that change slowly: their value tells the column they came from.
    mask = np.tile(np.arange(size, dtype=np.uint8), (size, 1))
    sample = Sample(np.zeros((size, size, 3), np.uint8), mask)
    result = Elastic(alpha, sigma, 0.0)(sample, np.random.default_rng(3))
    for y, x in ((12, 12), (5, 17), (20, 3), (0, 10), (23, 23)):
        source = x + alpha * smooth_at(y, x)
        folded = abs(source) if source < size - 1 else 2 * (size - 1) - source
        assert result.mask[y, x] == pytest.approx(folded, abs=0.51)


@pytest.mark.parametrize("sigma", [3.9, 6.0, 10.0])
def test_a_coarse_elastic_field_moves_like_one_drawn_pixel_by_pixel(sigma: float) -> None:
    """Same spread, and same likeness of places that are some pixels apart."""
    size, alpha = 200, 40.0
    elastic = Elastic(alpha, sigma, 0.0)
    kernel = gaussian(sigma)
    coarse, fine = [], []
    for seed in range(6):
        field = elastic.field((size, size), np.random.default_rng(seed))
        coarse.append(field.at(slice(0, size), size).astype(float))
        plain = np.random.default_rng(100 + seed).uniform(-1, 1, (size, size))
        for axis in (0, 1):
            plain = np.apply_along_axis(np.convolve, axis, plain, kernel, mode="same")
        fine.append(alpha * plain)
    inside = slice(40, 160)

    def likeness(fields: list[np.ndarray], down: int, right: int) -> float:
        return float(
            np.mean(
                [
                    f[inside, inside] * np.roll(f, (down, right), (0, 1))[inside, inside]
                    for f in fields
                ]
            )
        )

    spread = likeness(fine, 0, 0)
    assert np.sqrt(likeness(coarse, 0, 0) / spread) == pytest.approx(1, abs=0.12)
    for apart in (round(sigma), round(2 * sigma)):
        for down, right in ((apart, 0), (0, apart)):
            # Two such places are alike by exp(-apart² / (4 sigma²)).
            expected = np.exp(-(apart**2) / (4 * sigma**2))
            found = likeness(coarse, down, right) / likeness(coarse, 0, 0)
            assert found == pytest.approx(expected, abs=0.12)


@pytest.mark.parametrize("shape", [(100, 77), (31, 50), (5, 3), (1, 1)])
def test_a_coarse_elastic_field_is_the_same_in_slices(shape: tuple[int, int]) -> None:
    height, width = shape
    field = Elastic(40.0, 9.5, 0.0).field(shape, np.random.default_rng(0))
    whole = field.at(slice(0, height), width)
    assert whole.shape == shape
    parts = [field.at(slice(start, min(start + 7, height)), width) for start in range(0, height, 7)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)


def test_the_affine_part_of_elastic_keeps_straight_lines() -> None:
    sample = noise(40, 40)
    result = Elastic(1e-6, 6.0, 8.0)(sample, np.random.default_rng(1))
    # Draws before the affine map: two fields in cells of three pixels.
    rng = np.random.default_rng(1)
    rng.random((14, 14), dtype=np.float32)
    rng.random((14, 14), dtype=np.float32)
    reach = 40 / 3
    points = np.array([[reach, reach], [reach, -reach], [-reach, -reach]]) + 20
    shifted = points + rng.uniform(-8.0, 8.0, (3, 2))
    # The map takes the shifted points back to where they were.
    matrix = np.linalg.solve(np.c_[shifted, np.ones(3)], points)

    def place(x: int, y: int) -> tuple[float, float]:
        found = np.array([x, y, 1.0]) @ matrix
        return float(found[0]), float(found[1])

    assert_same(result, taken_from(sample, place))
