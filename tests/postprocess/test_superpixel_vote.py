from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from toolkit import ComponentSpec, Context
from toolkit.plugin.registry import Registry
from toolkit.postprocess.superpixel_vote import mean_of_patches, superpixels


def vote(registry: Registry, **parameters: Any) -> Any:
    spec = ComponentSpec(name="superpixel_vote", **parameters)
    return registry.build("postprocessor", spec, Context(("Background", "Paper", "Glass")))


def disc() -> tuple[Any, Any]:
    """A dark disc on a bright ground: where it is, and the image."""
    rows, columns = np.indices((60, 70))
    inside = np.hypot(rows - 29, columns - 37) < 19
    noise = np.random.default_rng(0).normal(0, 3, (60, 70, 3))
    image = np.where(inside[..., None], (40, 50, 90), (200, 190, 160)) + noise
    return inside, image.clip(0, 255).astype(np.uint8)


def test_patches_do_not_cross_edges() -> None:
    inside, image = disc()
    patches = superpixels(image, 10, 10.0)
    share = mean_of_patches(inside[None].astype(np.float32), patches, int(patches.max()) + 1)[0]
    used = share[np.unique(patches)]
    assert 30 <= len(used) <= 42
    assert (np.minimum(used, 1 - used) < 0.02).mean() > 0.95


def test_patches_of_one_colour_are_a_grid() -> None:
    patches = superpixels(np.full((40, 60, 3), 128, np.uint8), 10, 10.0)
    sizes = np.bincount(patches.ravel())
    assert len(sizes) == 24
    assert sizes.min() >= 60
    assert sizes.max() <= 140


def test_pixels_choose_the_nearest_centre_of_those_around_them() -> None:
    _, image = disc()
    rough, fine = superpixels(image, 10, 200.0), superpixels(image, 10, 5.0)
    spread = []
    for patches in (rough, fine):
        place = np.indices(patches.shape, dtype=np.float32)
        means = mean_of_patches(place, patches, int(patches.max()) + 1)
        spread.append(float(np.square(place - means[:, patches]).sum()))
    assert spread[0] < spread[1]  # compactness makes round patches


def test_the_mean_of_patches_equals_a_loop() -> None:
    rng = np.random.default_rng(0)
    planes, patches = rng.random((2, 7, 9), dtype=np.float32), rng.integers(0, 5, (7, 9))
    patches[patches == 3] = 4
    found = mean_of_patches(planes, patches, 5)
    for patch in (0, 1, 2, 4):
        np.testing.assert_allclose(found[:, patch], planes[:, patches == patch].mean(1), rtol=1e-6)
    assert np.isnan(found[:, 3]).all()


def test_a_patch_outvotes_its_pixels(registry: Registry) -> None:
    inside, image = disc()
    rng = np.random.default_rng(0)
    maps = np.full((3, *inside.shape), 0.05, np.float32)
    seen = inside ^ (rng.random(inside.shape) < 0.2)
    np.put_along_axis(maps, seen[None].astype(int), 0.9, 0)
    found = vote(registry, size=8, weight=1.0)(maps, image)
    assert (maps.argmax(0) == inside).mean() < 0.85
    assert (found.argmax(0) == inside).mean() > 0.98
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)


def test_the_weight_mixes_pixel_and_patch(registry: Registry) -> None:
    _, image = disc()
    maps = np.random.default_rng(0).dirichlet([1.0] * 3, image.shape[:2]).astype(np.float32)
    maps = np.ascontiguousarray(maps.transpose(2, 0, 1))
    none, half, whole = (vote(registry, weight=weight)(maps, image) for weight in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(none, maps)
    np.testing.assert_allclose(half, (none + whole) / 2, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 50), (13, 13)])
def test_any_size_of_image_works(registry: Registry, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    maps = rng.dirichlet([1.0] * 3, size).transpose(2, 0, 1).astype(np.float32)
    found = vote(registry, size=6)(maps, rng.integers(0, 256, (*size, 3), np.uint8))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
