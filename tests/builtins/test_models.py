"""The wrapper that lets a network take images of any size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from toolkit import ComponentSpec, Context, UsageError
from toolkit.builtins.models.segmenter import Segmenter
from toolkit.plugin.registry import Registry

NAMES = ("Background", "Paper", "Glass")
SMALL = "tu-mobilenetv3_small_050"


def make(registry: Registry, name: str, /, **parameters: object) -> Segmenter:
    context = Context(NAMES, pretrained=False)
    return registry.build("model", ComponentSpec(name=name, **parameters), context)


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


class Outputs(nn.Module):
    """Returns the image it gets as a map, its negative as another, and one number per channel."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"main": x, "aux": -x, "presence": x.amax((2, 3))}


@torch.inference_mode()
def test_odd_sizes_are_padded_with_the_border_and_cut_back(registry: Registry) -> None:
    network = make(registry, "unet", encoder=SMALL).eval()
    odd = images(1, 3, 33, 65)
    # 33 -> 64 and 65 -> 96: 15 + 16 rows and 15 + 16 columns.
    padded = nn.functional.pad(odd, (15, 16, 15, 16), mode="replicate")
    expected = network(padded)[:, :, 15:48, 15:80]
    torch.testing.assert_close(network(odd), expected)


@torch.inference_mode()
def test_sizes_that_fit_are_left_alone(registry: Registry) -> None:
    network = make(registry, "unet", encoder=SMALL).eval()
    fitting = images(2, 3, 64, 96)
    torch.testing.assert_close(network(fitting), network.network(fitting), rtol=0, atol=0)


@torch.inference_mode()
@pytest.mark.parametrize("name", ["unet", "pan", "deeplabv3plus"])
def test_images_smaller_than_the_stride_work(name: str, registry: Registry) -> None:
    network = make(registry, name, encoder=SMALL).eval()
    assert network(images(1, 3, 1, 7)).shape == (1, 3, 1, 7)


@pytest.mark.parametrize("size", [(33, 65), (32, 64), (1, 7)])
def test_every_map_of_a_dict_is_cut_back_and_image_level_outputs_are_left(
    size: tuple[int, int],
) -> None:
    network = Segmenter(Outputs(), 32, least=64, pools_globally=False)
    x = images(2, 3, *size)
    outputs = network(x)
    assert list(outputs) == ["main", "aux", "presence"]
    torch.testing.assert_close(outputs["main"], x, rtol=0, atol=0)
    torch.testing.assert_close(outputs["aux"], -x, rtol=0, atol=0)
    torch.testing.assert_close(outputs["presence"], x.amax((2, 3)), rtol=0, atol=0)


def test_a_pair_of_outputs_is_named() -> None:
    class Pair(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x, x.mean((2, 3))

    outputs = Segmenter(Pair(), 8, least=8, pools_globally=False)(images(1, 3, 5, 9))
    assert {name: output.shape for name, output in outputs.items()} == {
        "main": (1, 3, 5, 9),
        "presence": (1, 3),
    }


def test_the_encoder_of_the_network_is_offered() -> None:
    network = Outputs()
    assert Segmenter(network, 8, least=8, pools_globally=False).encoder is network.encoder
    assert not hasattr(Segmenter(nn.Identity(), 8, least=8, pools_globally=False), "encoder")


def test_images_larger_than_the_network_takes_are_refused() -> None:
    network = Segmenter(nn.Identity(), 32, least=32, most=32, pools_globally=False)
    assert network(images(1, 3, 32, 7)).shape == (1, 3, 32, 7)
    with pytest.raises(UsageError, match="up to 32 × 32 pixels, not 20 × 33") as raised:
        network(images(1, 3, 20, 33))
    assert "data.image_size" in raised.value.hint


@pytest.mark.parametrize("name", ["pan", "deeplabv3", "deeplabv3plus", "upernet"])
def test_training_on_one_image_is_refused_where_it_cannot_work(
    name: str, registry: Registry
) -> None:
    network = make(registry, name, encoder=SMALL).train()
    with pytest.raises(UsageError, match="batch of one image") as raised:
        network(images(1, 3, 64, 64))
    assert "device_batch_size" in raised.value.hint


def test_an_encoder_that_normalises_pooled_features_is_found(registry: Registry) -> None:
    """The attention of ResNeSt normalises a globally pooled vector, whatever the decoder does."""
    network = make(registry, "linknet", encoder="tu-resnest14d").train()
    with pytest.raises(UsageError, match="batch of one image"):
        network(images(1, 3, 64, 64))


def test_training_on_one_image_works_where_it_can(registry: Registry) -> None:
    network = make(registry, "unet", encoder=SMALL).train()
    assert network(images(1, 3, 64, 64)).shape == (1, 3, 64, 64)
    with pytest.raises(UsageError, match="batch of one image of 32 pixels"):
        network(images(1, 3, 32, 32))


def test_one_pixel_of_features_is_enough_without_batch_normalisation() -> None:
    network = Segmenter(nn.Conv2d(3, 2, 1), 32, least=32, pools_globally=False).train()
    assert network(images(1, 3, 32, 32)).shape == (1, 2, 32, 32)
