"""Networks say how images were normalised when their weights were trained."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch

from toolkit import ComponentSpec, Context
from toolkit.plugin.interfaces import Normalisation, PretrainedModel
from toolkit.plugin.registry import Registry
from toolkit.recipe.schema import Data
from toolkit.train.normalise import normalisation_warning, weights_normalisation

IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
LITE0 = "tu-tf_efficientnet_lite0"


def make(registry: Registry, name: str, **parameters: Any) -> Any:
    context = Context(("Background", "Paper"), pretrained=False)
    with torch.device("meta"):
        return registry.build("model", ComponentSpec(name=name, **parameters), context)


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("unet", {"encoder": LITE0, "weights": "efficientnet-lite0"}, HALVES),
        ("unet", {"encoder": LITE0, "weights": "imagenet"}, HALVES),
        ("fpn", {"encoder": "timm-tf_efficientnet_lite0", "weights": "imagenet"}, HALVES),
        ("unet", {"encoder": "efficientnet-b0", "weights": "imagenet"}, IMAGENET),
        ("unet", {"encoder": "efficientnet-b0", "weights": "advprop"}, HALVES),
        ("unet", {"encoder": "timm-efficientnet-b0", "weights": "noisy-student"}, IMAGENET),
        ("unet", {"encoder": "tu-mobilenetv3_small_050", "weights": "imagenet"}, IMAGENET),
        ("unet", {"encoder": LITE0, "weights": "none"}, None),
        ("unet", {"encoder": LITE0, "weights": "mine.pth"}, None),
        ("panoptic_deeplab", {"encoder": LITE0, "weights": "imagenet"}, HALVES),
        ("hrnet_ocr", {"width": 18, "weights": "imagenet"}, IMAGENET),
        ("fcn8s", {"weights": "imagenet"}, IMAGENET),
        ("fcn8s", {}, None),
        ("torchvision_deeplabv3", {"weights": "coco"}, IMAGENET),
        ("hmsa", {"network": {"name": "unet", "encoder": LITE0, "weights": "imagenet"}}, HALVES),
    ],
)
def test_networks_know_the_normalisation_of_their_weights(
    name: str, parameters: dict[str, Any], expected: Normalisation | None, registry: Registry
) -> None:
    network = make(registry, name, **parameters)
    assert isinstance(network, PretrainedModel)
    assert network.normalisation == expected


@pytest.mark.parametrize(
    "encoder", ["dpn68", "dpn92", "xception", "inceptionresnetv2", "inceptionv4", "vgg16"]
)
def test_the_odd_encoders_of_smp_have_the_figures_that_timm_gives_the_same_weights(
    encoder: str,
) -> None:
    from toolkit.builtins.models.encoders import hub_normalisation

    of_timm = {
        "xception": "legacy_xception",
        "inceptionresnetv2": "inception_resnet_v2.tf_in1k",
        "inceptionv4": "inception_v4",
    }
    configuration = timm.get_pretrained_cfg(of_timm.get(encoder, encoder))
    assert configuration is not None
    found = hub_normalisation(encoder, "imagenet")
    assert found.mean == pytest.approx(configuration.mean)
    assert found.std == pytest.approx(configuration.std)


def test_another_normalisation_is_told_with_both_figures(registry: Registry) -> None:
    network = make(registry, "unet", encoder=LITE0, weights="efficientnet-lite0")
    theirs = weights_normalisation(network)
    warning = normalisation_warning(theirs, Data())
    assert "data.mean = [0.485, 0.456, 0.406]" in warning
    assert "set data.mean = [0.5, 0.5, 0.5] and data.std = [0.5, 0.5, 0.5]" in warning
    halves = Data(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    assert not normalisation_warning(theirs, halves)
    one_off = Data(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.52))
    assert "data.std = [0.5, 0.5, 0.52]" in normalisation_warning(theirs, one_off)
    rounded = Data(mean=(0.5, 0.498, 0.5), std=(0.5, 0.5, 0.502))
    assert not normalisation_warning(theirs, rounded)
    assert weights_normalisation(make(registry, "unet", encoder=LITE0)) is None
    assert weights_normalisation(torch.nn.Identity()) is None
    assert not normalisation_warning(None, Data())
