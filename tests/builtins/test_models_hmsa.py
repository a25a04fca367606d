from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit import Component, ComponentSpec, Context, UsageError
from toolkit.builtins.models.hmsa import hmsa
from toolkit.builtins.models.multi_scale import MultiScale, ScaleAttention
from toolkit.plugin.registry import Entry, Registry
from toolkit.testing import check_component

NAMES = ("Background", "Paper", "Glass")
SMALL = "tu-mobilenetv3_small_050"


class Plain(nn.Conv2d):
    def __init__(self) -> None:
        super().__init__(3, 3, 3, padding=1)


class Named(Plain):
    def forward(self, images: Tensor) -> dict[str, Tensor]:
        logits = super().forward(images)
        return {"main": logits, "aux": 2 * logits, "presence": logits.mean((2, 3))}


@pytest.fixture(scope="module")
def stubs() -> Registry:
    components = {
        "hmsa": hmsa,
        "plain": lambda context: Plain(),
        "named": lambda context: Named(),
    }
    return Registry(
        [
            Entry("model", Component(name, make, "for a test"), "test")
            for name, make in components.items()
        ]
    )


def make(registry: Registry, inner: str | dict[str, object], **parameters: object) -> MultiScale:
    network = {"name": inner} if isinstance(inner, str) else inner
    spec = ComponentSpec(name="hmsa", network=network, **parameters)
    torch.manual_seed(0)
    return registry.build("model", spec, Context(NAMES, pretrained=False))


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def resize(maps: Tensor, height: int, width: int) -> Tensor:
    return functional.interpolate(maps, (height, width), mode="bilinear", align_corners=False)


def test_training_mixes_half_and_full_scale(stubs: Registry) -> None:
    network = make(stubs, "plain", scales=[1.0]).train()
    batch = images(2, 3, 33, 50)
    half = resize(batch, 16, 25)
    low, high = network.network(half), network.network(batch)
    alpha = network.attention(half, low)
    expected = resize(alpha * low, 33, 50) + (1 - resize(alpha, 33, 50)) * high
    assert alpha.shape == (2, 1, 16, 25)
    torch.testing.assert_close(network(batch), expected)


@torch.inference_mode()
@pytest.mark.parametrize("scales", [[0.5, 1.0, 2.0], [2.0, 0.5, 1.0]])
def test_prediction_chains_the_scales_from_the_highest_down(
    scales: list[float], stubs: Registry
) -> None:
    network = make(stubs, "plain", scales=scales).eval()
    batch = images(1, 3, 20, 31)
    half, double = resize(batch, 10, 16), resize(batch, 40, 62)
    low, middle, high = (network.network(x) for x in (half, batch, double))
    alpha = network.attention(batch, middle)
    mixed = alpha * middle + (1 - alpha) * resize(high, 20, 31)
    alpha = network.attention(half, low)
    mixed = resize(alpha * low, 20, 31) + (1 - resize(alpha, 20, 31)) * mixed
    torch.testing.assert_close(network(batch), mixed)


@torch.inference_mode()
def test_three_scales_above_the_image_are_mixed_at_the_lower_size(stubs: Registry) -> None:
    network = make(stubs, "plain", scales=[1.0, 1.5, 2.0]).eval()
    batch = images(1, 3, 12, 16)
    middle_images, double = resize(batch, 18, 24), resize(batch, 24, 32)
    middle = network.network(middle_images)
    alpha = network.attention(middle_images, middle)
    mixed = alpha * middle + (1 - alpha) * resize(network.network(double), 18, 24)
    low = network.network(batch)
    alpha = network.attention(batch, low)
    mixed = alpha * low + (1 - alpha) * resize(mixed, 12, 16)
    torch.testing.assert_close(network(batch), mixed)


@torch.inference_mode()
def test_one_scale_is_the_network_itself(stubs: Registry) -> None:
    network = make(stubs, "named", scales=[1.0]).eval()
    batch = images(2, 3, 9, 7)
    outputs, expected = network(batch), network.network(batch)
    assert outputs.keys() == expected.keys()
    assert all(torch.equal(outputs[name], expected[name]) for name in expected)


@pytest.mark.parametrize("training", [True, False])
def test_other_outputs_are_those_at_scale_1(training: bool, stubs: Registry) -> None:
    network = make(stubs, "named").train(training)
    batch = images(2, 3, 9, 7)
    outputs, alone = network(batch), network.network(batch)
    assert set(outputs) == {"main", "aux", "presence"}
    assert torch.equal(outputs["aux"], alone["aux"])
    assert torch.equal(outputs["presence"], alone["presence"])
    assert outputs["main"].shape == alone["main"].shape
    assert not torch.allclose(outputs["main"], alone["main"])


@pytest.mark.parametrize(("bias", "chosen"), [(1e4, "low"), (-1e4, "high")])
def test_the_attention_chooses_between_the_scales(
    bias: float, chosen: str, stubs: Registry
) -> None:
    network = make(stubs, "plain").train()
    nn.init.constant_(network.attention.head[-1].bias, bias)
    batch = images(1, 3, 32, 32)
    if chosen == "low":
        expected = resize(network.network(resize(batch, 16, 16)), 32, 32)
    else:
        expected = network.network(batch)
    torch.testing.assert_close(network(batch), expected)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(1, 1), (4, 4), (5, 9)])
def test_attention_is_a_share_for_every_pixel_of_any_image(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    alpha = ScaleAttention(3).eval()(images(2, 3, *size), 1e4 * images(2, 3, *size))
    assert alpha.shape == (2, 1, *size)
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_every_scale_of_a_pixel_is_at_least_one_pixel(stubs: Registry) -> None:
    assert make(stubs, "plain").eval()(images(1, 3, 1, 1)).shape == (1, 3, 1, 1)


def test_it_keeps_the_contract_around_a_network_with_named_outputs(registry: Registry) -> None:
    inner = {"name": "hrnet_ocr", "width": 18, "ocr_channels": 32, "key_channels": 16}
    check_component("model", "hmsa", registry, network=inner)


def test_the_backbone_of_the_inner_network_is_passed_on(
    registry: Registry, stubs: Registry
) -> None:
    network = make(registry, {"name": "unet", "encoder": SMALL})
    assert network.encoder is network.network.encoder
    assert not hasattr(make(stubs, "plain"), "encoder")


@pytest.mark.parametrize(
    ("scales", "message"), [([0.5, 2.0], "lack 1.0"), ([1.0, 0.5, 1.0], "name one twice")]
)
def test_useless_scales_are_refused(scales: list[float], message: str, stubs: Registry) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        make(stubs, "plain", scales=scales)
    assert raised.value.parameter == "scales"


@pytest.mark.parametrize("scales", [[], [0.0, 1.0], [1.0, 9.0]])
def test_scales_outside_their_range_are_refused(scales: list[float], stubs: Registry) -> None:
    with pytest.raises(UsageError, match="scales"):
        make(stubs, "plain", scales=scales)


def test_what_the_inner_network_refuses_is_told_with_its_place(registry: Registry) -> None:
    with pytest.raises(UsageError, match="no encoder called resnt18") as raised:
        make(registry, {"name": "unet", "encoder": "resnt18"})
    assert raised.value.parameter == "network.encoder"


def test_wrong_tables_of_the_inner_network_are_found_without_building(registry: Registry) -> None:
    for inner, path in (
        ({"name": "unett"}, ("network", "name")),
        ({"name": "unet", "encodr": "resnet18"}, ("network", "encodr")),
    ):
        [problem] = registry.problems("model", ComponentSpec(name="hmsa", network=inner))
        assert problem.path == path
        assert "Did you mean" in problem.hint
