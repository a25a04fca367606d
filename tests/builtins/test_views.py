from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from toolkit.builtins.views import Scale, Shift, Symmetry, trash_views
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, View
from toolkit.plugin.registry import Registry

NAMES = [component.name for component in trash_views()]
SIDES = st.integers(1, 70)


def view_called(name: str, registry: Registry) -> View:
    view: View = registry.build("view", ComponentSpec(name=name), Context(class_names=()))
    return view


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3), st.booleans(), SIDES, SIDES)
def test_symmetries_are_undone_exactly_at_every_size(
    turns: int, mirrored: bool, height: int, width: int
) -> None:
    images = torch.rand(2, 3, height, width)
    view = Symmetry(turns, mirrored)
    assert torch.equal(view.inverse(view.forward(images)), images)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 31), SIDES, SIDES)
def test_shifts_are_undone_exactly_at_every_size(pixels: int, height: int, width: int) -> None:
    images = torch.rand(2, 3, height, width)
    view = Shift(pixels)
    seen = view.forward(images)
    assert seen.shape == (2, 3, height + 32, width + 32)
    assert torch.equal(view.inverse(seen), images)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 31), SIDES, SIDES)
def test_shifts_surround_the_image_with_its_reflection(
    pixels: int, height: int, width: int
) -> None:
    images = torch.rand(1, 3, height, width)
    border = (pixels, 32 - pixels)
    expected = np.pad(images.numpy(), ((0, 0), (0, 0), border, border), mode="reflect")
    np.testing.assert_array_equal(Shift(pixels).forward(images).numpy(), expected)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.25, 4), SIDES, SIDES)
def test_scales_are_multiples_of_32_nearest_to_the_factor(
    factor: float, height: int, width: int
) -> None:
    seen = Scale(factor).forward(torch.rand(1, 3, height, width))
    for side, scaled in zip((height, width), seen.shape[-2:], strict=True):
        assert scaled % 32 == 0
        assert scaled == 32 or abs(scaled - side * factor) <= 16


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("scale")])
def test_scales_lie_over_the_image(name: str, registry: Registry) -> None:
    places = torch.stack(torch.meshgrid(torch.arange(96.0), torch.arange(160.0), indexing="ij"))[
        None
    ]
    view = view_called(name, registry)
    seen = view.forward(torch.cat([places, places[:, :1]], 1))
    laid = functional.interpolate(view.inverse(seen)[:, :2], (96, 160), mode="bilinear")
    inside = (..., slice(8, -8), slice(8, -8))
    torch.testing.assert_close(laid[inside], places[inside], atol=0.1, rtol=0)


def test_smaller_scales_lose_no_thin_line() -> None:
    stripes = torch.zeros(1, 3, 256, 256)
    stripes[..., ::4] = 1
    assert abs(float(Scale(0.25).forward(stripes).mean()) - 0.25) < 0.01
    assert float(Scale(0.25).forward(stripes).std()) < 0.05


def test_factors_and_shifts_are_in_the_names(registry: Registry) -> None:
    for name in NAMES:
        view = view_called(name, registry)
        if isinstance(view, Scale):
            assert name == f"scale{view.factor:g}"
        if isinstance(view, Shift):
            assert name == f"shift{view.pixels}"
