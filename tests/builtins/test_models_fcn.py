"""FCN-8s, FCN-16s and FCN-32s on VGG-16."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import VGG16_Weights

from toolkit import ComponentSpec, Context, TrashError, UsageError
from toolkit.builtins.models.fcn_vgg import Fcn
from toolkit.builtins.models.segmenter import Segmenter
from toolkit.plugin.registry import Registry

STRIDES = {"fcn8s": 8, "fcn16s": 16, "fcn32s": 32}


def make(
    registry: Registry,
    name: str,
    /,
    *,
    n_classes: int = 3,
    pretrained: bool = False,
    **parameters: object,
) -> Segmenter:
    names = tuple(f"class {label}" for label in range(n_classes))
    context = Context(names, pretrained=pretrained)
    return registry.build("model", ComponentSpec(name=name, **parameters), context)


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def fcn_of(network: Segmenter) -> Fcn:
    assert isinstance(network.network, Fcn)
    return network.network


@pytest.mark.parametrize(
    ("name", "expected"),
    [("fcn8s", 33_697_160), ("fcn16s", 33_802_352), ("fcn32s", 34_236_248)],
)
def test_twelve_classes_take_as_many_parameters_as_the_original(
    name: str, expected: int, registry: Registry
) -> None:
    with torch.device("meta"):
        network = make(registry, name, n_classes=12)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


@torch.inference_mode()
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_scores_are_added_on_the_way_up(stride: int) -> None:
    network = Fcn(4, stride, dropout=0.5).eval()
    # Not what they start as, so that no kernel can be taken for another.
    for layer in network.upsampling:
        nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(1))
    x = images(2, 3, 64, 96)
    pooled = []
    features = x
    for layer in network.encoder:
        features = layer(features)
        if isinstance(layer, nn.MaxPool2d):
            pooled.append(features)
    assert [f.shape[1:] for f in pooled[2:]] == [(256, 8, 12), (512, 4, 6), (512, 2, 3)]
    wide = functional.relu(
        functional.conv2d(features, network.head[0].weight, network.head[0].bias)
    )
    wide = functional.relu(functional.conv2d(wide, network.head[3].weight, network.head[3].bias))
    scores = functional.conv2d(wide, network.head[6].weight, network.head[6].bias)
    # (kernel, stride, padding) of the facts, coarsest first.
    steps = {
        8: [(4, 2, 1), (4, 2, 1), (16, 8, 4)],
        16: [(4, 2, 1), (32, 16, 8)],
        32: [(64, 32, 16)],
    }
    for number, (kernel, step, padding) in enumerate(steps[stride]):
        layer = network.upsampling[number]
        assert layer.weight.shape[-2:] == (kernel, kernel)
        scores = functional.conv_transpose2d(
            scores, layer.weight, layer.bias, stride=step, padding=padding
        )
        if number < len(network.skips):
            skip = network.skips[number]
            scores = scores + functional.conv2d(pooled[-2 - number], skip.weight, skip.bias)
    torch.testing.assert_close(network(x), scores, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_upsampling_starts_as_bilinear_interpolation(stride: int) -> None:
    network = Fcn(3, stride, dropout=0.5)
    scores = images(1, 3, 6, 7)
    for layer in network.upsampling:
        factor = layer.stride[0]
        expected = functional.interpolate(
            scores, scale_factor=factor, mode="bilinear", align_corners=False
        )
        inside = (..., slice(factor, -factor), slice(factor, -factor))  # the border sees zeros
        torch.testing.assert_close(layer(scores)[inside], expected[inside])


def test_the_signal_survives_the_head() -> None:
    """Random scores must neither vanish nor explode: there is no normalisation to help."""
    torch.manual_seed(0)
    network = Fcn(3, 8, dropout=0.5).eval()
    with torch.inference_mode():
        logits = network(images(1, 3, 64, 64))
    assert 1e-2 < float(logits.std()) < 1e2


@pytest.mark.parametrize("name", STRIDES)
def test_one_tiny_image_trains(name: str, registry: Registry) -> None:
    network = make(registry, name).train()
    logits = network(images(1, 3, 5, 9))
    assert logits.shape == (1, 3, 5, 9)
    torch.autograd.backward(logits.square().mean())
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def test_dropout_is_of_whole_channels_and_as_asked(registry: Registry) -> None:
    with torch.device("meta"):
        network = make(registry, "fcn8s", dropout=0.25)
    assert [p.p for p in network.modules() if isinstance(p, nn.Dropout2d)] == [0.25, 0.25]
    assert network.encoder is fcn_of(network).encoder


@pytest.mark.parametrize(("drop", "whole"), [("channels", True), ("values", False)])
def test_channels_or_single_values_are_dropped(drop: str, whole: bool, registry: Registry) -> None:
    with torch.device("meta"):
        head = fcn_of(make(registry, "fcn8s", dropout=0.5, drop=drop)).head
    torch.manual_seed(0)
    for layer in (head[2], head[5]):
        dropped = layer.train()(torch.ones(2, 50, 6, 6)) == 0
        assert 0.4 < dropped.float().mean() < 0.6
        by_channel = dropped.flatten(2)
        assert bool((by_channel.all(2) | ~by_channel.any(2)).all()) == whole


def test_a_file_of_torchvisions_vgg16_fills_the_convolutions(
    tmp_path: Path, registry: Registry
) -> None:
    torch.manual_seed(1)
    source = Fcn(2, 32, 0.0).encoder.state_dict()
    saved = {f"features.{key}": value for key, value in source.items()}
    torch.save({**saved, "classifier.0.weight": torch.zeros(2, 2)}, tmp_path / "vgg16.pth")
    network = make(registry, "fcn8s", weights=str(tmp_path / "vgg16.pth"), pretrained=True)
    loaded = network.encoder.state_dict()
    assert len(loaded) == 26
    assert all(torch.equal(loaded[key], source[key]) for key in source)


def test_a_file_of_another_network_is_refused(tmp_path: Path, registry: Registry) -> None:
    torch.save({"features.0.weight": torch.zeros(8, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(UsageError, match="25 of the network's 26 tensors are missing") as raised:
        make(registry, "fcn32s", weights=str(tmp_path / "other.pth"), pretrained=True)
    assert raised.value.parameter == "weights"


@pytest.mark.parametrize("pretrained", [True, False])
def test_unknown_weights_name_the_nearest(pretrained: bool, registry: Registry) -> None:
    with pytest.raises(UsageError, match="VGG-16 has no weights called imagnet") as raised:
        make(registry, "fcn16s", weights="imagnet", pretrained=pretrained)
    assert "Did you mean imagenet?" in raised.value.hint
    assert raised.value.parameter == "weights"


def test_imagenet_weights_come_from_torchvision_or_not_at_all(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Fcn(2, 32, 0.0).encoder.state_dict()

    def fetch(weights: VGG16_Weights, *args: object, **kwargs: object) -> dict[str, Tensor]:
        assert weights is VGG16_Weights.IMAGENET1K_V1
        return {f"features.{key}": value for key, value in source.items()}

    def unreachable(*args: object, **kwargs: object) -> dict[str, Tensor]:
        raise OSError("Name or service not known")

    monkeypatch.setattr(VGG16_Weights, "get_state_dict", fetch)
    loaded = make(registry, "fcn32s", weights="imagenet", pretrained=True).encoder.state_dict()
    assert all(torch.equal(loaded[key], source[key]) for key in source)
    monkeypatch.setattr(VGG16_Weights, "get_state_dict", unreachable)
    with pytest.raises(TrashError, match="cannot fetch the imagenet weights of VGG-16"):
        make(registry, "fcn32s", weights="imagenet", pretrained=True)
    make(registry, "fcn32s", weights="imagenet", pretrained=False)
