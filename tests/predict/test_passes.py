from __future__ import annotations

from collections.abc import Callable
from itertools import repeat

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from toolkit.errors import UsageError
from toolkit.plugin.registry import Registry
from toolkit.predict.passes import Passes
from toolkit.predict.views import parse_views
from toolkit.train.device import make_compute

SIZE = (96, 160)
MEAN, STD = (0.2, 0.3, 0.4), (0.5, 0.6, 0.7)
CPU = torch.device("cpu")


class Crooked(nn.Module):
    """A convolution without symmetries, at a quarter of the resolution."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 4, 7, stride=4, padding=3)
        self.shapes: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.shapes.append(tuple(images.shape))
        logits: Tensor = self.layer(images) * 3
        return logits


class Pointwise(nn.Module):
    """Knows nothing of a pixel's surroundings."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layer(images) * 3
        return logits


def make_passes(model: nn.Module, views: str, registry: Registry, batch_size: int = 4) -> Passes:
    compute = make_compute(CPU, precision="fp32", channels_last=True, mean=MEAN, std=STD)
    return Passes(compute.place(model.eval()), compute, parse_views(views, registry), batch_size)


@pytest.fixture
def photos() -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.uniform(0, 255, (5, 3, 6, 10)).astype(np.float32))
    smooth = functional.interpolate(coarse, SIZE, mode="bicubic").clamp(0, 255)
    return list(smooth.permute(0, 2, 3, 1).to(torch.uint8).numpy())


def network_input(photo: NDArray[np.uint8]) -> Tensor:
    scaled = (photo / 255.0 - np.array(MEAN)) / np.array(STD)
    return torch.from_numpy(scaled.transpose(2, 0, 1)).float()[None]


def bilinear(maps: Tensor, size: tuple[int, int], **options: bool) -> Tensor:
    return functional.interpolate(maps, size, mode="bilinear", align_corners=False, **options)


def plain(image: Tensor, model: nn.Module) -> Tensor:
    return model(image)


def flipped(image: Tensor, model: nn.Module) -> Tensor:
    return model(image.flip(3)).flip(3)


def turned(image: Tensor, model: nn.Module) -> Tensor:
    # Read from the right edge inwards, each column becomes a row.
    seen = image.flip(3).transpose(2, 3)
    return model(seen).transpose(2, 3).flip(3)


def smaller(image: Tensor, model: nn.Module) -> Tensor:
    return model(bilinear(image, (64, 128), antialias=True))  # 72 x 120 to multiples of 32


def larger(image: Tensor, model: nn.Module) -> Tensor:
    return model(bilinear(image, (192, 320)))


def smaller_flipped(image: Tensor, model: nn.Module) -> Tensor:
    return smaller(image.flip(3), model).flip(3)


def shifted(image: Tensor, model: nn.Module) -> Tensor:
    wide = functional.pad(image, (8, 24, 8, 24), mode="reflect")
    return bilinear(model(wide), (128, 192))[..., 8:104, 8:168]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("hflip*rot90", [plain, flipped, turned, lambda i, m: turned(i.flip(3), m).flip(3)]),
        ("hflip*scale0.75", [plain, flipped, smaller, smaller_flipped]),
        ("scale0.75+scale2", [plain, smaller, larger]),
        ("shift8", [plain, shifted]),
    ],
)
def test_maps_equal_views_written_out(
    text: str,
    looks: list[Callable[[Tensor, nn.Module], Tensor]],
    together: bool,
    photos: list[NDArray[np.uint8]],
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if together:
        monkeypatch.setattr("toolkit.predict.passes._FASTER_TOGETHER", {"cpu"})
    sizes = [SIZE, (31, 57), (200, 90), (96, 160), (7, 300)]
    model = Crooked()
    found = list(make_passes(model, text, registry).maps(photos, sizes))
    assert len(found) == len(photos)
    for photo, size, probabilities in zip(photos, sizes, found, strict=True):
        with torch.no_grad():
            logits = [look(network_input(photo), model) for look in looks]
        expected = torch.stack([bilinear(each, size).softmax(1)[0] for each in logits]).mean(0)
        np.testing.assert_allclose(probabilities, expected.numpy(), atol=2e-5)


@pytest.mark.parametrize("merge", ["mean", "geometric", "max"])
def test_views_in_one_batch_give_the_maps_of_a_loop(
    merge: str, photos: list[NDArray[np.uint8]], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"{merge}:d4*scale0.75+shift8"
    passes = make_passes(Crooked(), text, registry)
    loop = list(passes.maps(photos, repeat((50, 70))))
    monkeypatch.setattr("toolkit.predict.passes._FASTER_TOGETHER", {"cpu"})
    for one, other in zip(loop, passes.maps(photos, repeat((50, 70))), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
        np.testing.assert_allclose(one.sum(0), 1, atol=1e-5)


def test_one_batch_holds_views_of_one_shape_and_no_more_pixels_than_allowed(
    photos: list[NDArray[np.uint8]], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.predict.passes._FASTER_TOGETHER", {"cpu"})
    model = Crooked()
    list(make_passes(model, "d4", registry, batch_size=8).maps(photos[:2], repeat(SIZE)))
    # One image at a time, in its four upright and its four lying views.
    assert model.shapes == [(4, 3, 96, 160), (4, 3, 160, 96)] * 2
    model.shapes.clear()
    list(make_passes(model, "d4*scale2", registry, batch_size=8).maps(photos[:1], repeat(SIZE)))
    assert [shape[0] for shape in model.shapes] == [4, 4, 2, 2, 2, 2]
    assert all(np.prod(shape) <= 8 * 3 * 96 * 160 for shape in model.shapes)


def test_on_a_cpu_every_view_is_a_pass_of_its_own(
    photos: list[NDArray[np.uint8]], registry: Registry
) -> None:
    model = Crooked()
    list(make_passes(model, "hflip*vflip", registry, batch_size=8).maps(photos, repeat(SIZE)))
    assert [shape[0] for shape in model.shapes] == [2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1]


@pytest.mark.parametrize("text", ["d4", "hflip*rot90", "d4*shift8+shift16+shift24"])
@pytest.mark.parametrize("merge", ["mean", "geometric", "max"])
def test_views_that_move_pixels_change_nothing_for_a_pointwise_network(
    text: str, merge: str, photos: list[NDArray[np.uint8]], registry: Registry
) -> None:
    model = Pointwise()
    expected = make_passes(model, "none", registry).maps(photos, repeat(SIZE))
    found = make_passes(model, f"{merge}:{text}", registry).maps(photos, repeat(SIZE))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_scales_hardly_change_a_smooth_image_for_a_pointwise_network(
    photos: list[NDArray[np.uint8]], registry: Registry
) -> None:
    model = Pointwise()
    expected = make_passes(model, "none", registry).maps(photos, repeat(SIZE))
    text = "d4*scale0.5+scale0.75+scale1.25+scale1.5+scale1.75+scale2"
    found = make_passes(model, text, registry).maps(photos[:2], repeat(SIZE))
    for one, other in zip(found, expected, strict=False):
        assert np.abs(one - other).mean() < 0.01


def test_view_that_is_too_large_for_the_network_is_named(
    photos: list[NDArray[np.uint8]], registry: Registry
) -> None:
    class Small(Pointwise):
        def forward(self, images: Tensor) -> Tensor:
            if images.shape[-1] > 160:
                raise UsageError("this network takes images up to 160 × 160 pixels")
            return super().forward(images)

    with pytest.raises(UsageError, match=r"views hflip\*scale2: this network takes") as caught:
        list(make_passes(Small(), "hflip*scale2", registry).maps(photos, repeat(SIZE)))
    assert "views that make it larger" in caught.value.hint
