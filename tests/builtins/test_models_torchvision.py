"""torchvision's DeepLabV3-ResNet50."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.models import ResNet50_Weights, resnet50
from torchvision.models.segmentation import DeepLabV3_ResNet50_Weights, deeplabv3_resnet50

from toolkit import ComponentSpec, Context, TrashError, UsageError
from toolkit.builtins.models.segmenter import Segmenter
from toolkit.plugin.registry import Registry
from toolkit.testing import check_component

NAME = "torchvision_deeplabv3"


def make(
    registry: Registry, *, n_classes: int = 3, pretrained: bool = False, **parameters: object
) -> Segmenter:
    names = tuple(f"class {label}" for label in range(n_classes))
    context = Context(names, pretrained=pretrained)
    return registry.build("model", ComponentSpec(name=NAME, **parameters), context)


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_it_is_torchvisions_network(registry: Registry) -> None:
    with torch.device("meta"):
        network = make(registry, n_classes=21, aux=True)
        plain = make(registry, n_classes=12)
    published = DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1.meta["num_params"]
    assert sum(parameter.numel() for parameter in network.parameters()) == published
    assert plain.network.network.classifier[4].out_channels == 12
    assert plain.network.network.aux_classifier is None
    assert plain.encoder is plain.network.network.backbone


@torch.inference_mode()
def test_outputs_carry_our_names_and_the_size_of_the_image(registry: Registry) -> None:
    network = make(registry, aux=True).eval()
    x = images(2, 3, 33, 65)
    outputs, theirs = network(x), network.network.network(x)
    torch.testing.assert_close(outputs["main"], theirs["out"], rtol=0, atol=0)
    torch.testing.assert_close(outputs["aux"], theirs["aux"], rtol=0, atol=0)
    assert outputs["aux"].shape == (2, 3, 33, 65)


def test_it_keeps_the_contract_with_its_auxiliary_head(registry: Registry) -> None:
    check_component("model", NAME, registry, aux=True)


def test_training_on_one_image_is_refused(registry: Registry) -> None:
    network = make(registry).train()
    with pytest.raises(UsageError, match="batch of one image"):
        network(images(1, 3, 64, 64))


def test_a_file_of_resnet50_fills_the_backbone(tmp_path: Path, registry: Registry) -> None:
    source = resnet50(weights=None).state_dict()
    torch.save(source, tmp_path / "resnet50.pth")
    network = make(registry, weights=str(tmp_path / "resnet50.pth"), pretrained=True)
    loaded = network.encoder.state_dict()
    assert len(loaded) == len(source) - 2  # without the classifier
    assert all(torch.equal(value, source[key]) for key, value in loaded.items())


@pytest.mark.parametrize(("theirs", "ours"), [(True, True), (True, False), (False, True)])
def test_a_whole_network_is_loaded_but_for_its_last_layers(
    theirs: bool, ours: bool, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = deeplabv3_resnet50(
        weights=None, weights_backbone=None, num_classes=21, aux_loss=theirs
    ).state_dict()

    def fetch(weights: object, *args: object, **kwargs: object) -> dict[str, Tensor]:
        assert weights is DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1
        return source

    monkeypatch.setattr(DeepLabV3_ResNet50_Weights, "get_state_dict", fetch)
    network = make(registry, weights="coco", aux=ours, pretrained=True)
    loaded = network.network.network.state_dict()
    own = {"classifier.4.weight", "classifier.4.bias"}
    if ours:
        own |= {key for key in loaded if key.startswith("aux_classifier.")}
        if theirs:
            own = {key for key in own if ".4." in key}
    for key, value in loaded.items():
        if key in own:
            assert value.shape[:1] == (3,) or not theirs
        else:
            assert torch.equal(value, source[key]), key


@pytest.mark.parametrize("pretrained", [True, False])
def test_unknown_weights_name_the_nearest(pretrained: bool, registry: Registry) -> None:
    with pytest.raises(UsageError, match="has no weights called cocoo") as raised:
        make(registry, weights="cocoo", pretrained=pretrained)
    assert "Did you mean coco?" in raised.value.hint
    assert raised.value.parameter == "weights"


def test_weights_that_cannot_be_fetched_are_an_error(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*args: object, **kwargs: object) -> dict[str, Tensor]:
        raise OSError("Name or service not known")

    monkeypatch.setattr(ResNet50_Weights, "get_state_dict", unreachable)
    with pytest.raises(TrashError, match="cannot fetch the imagenet weights of torchvision"):
        make(registry, weights="imagenet", pretrained=True)
    with torch.device("meta"):
        make(registry, weights="imagenet")
