"""Networks of torchvision under the toolkit's names of outputs."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torchvision.models import ResNet50_Weights, WeightsEnum
from torchvision.models.segmentation import DeepLabV3_ResNet50_Weights, deeplabv3_resnet50

from toolkit import Context
from toolkit.builtins.models.encoders import IMAGENET_NORMALISATION
from toolkit.builtins.models.local_weights import lacking_file, lacking_url, should_load_weights
from toolkit.builtins.models.segmenter import Segmenter
from toolkit.builtins.models.weights import (
    NONE,
    check_choice,
    fetch_weights,
    fill,
    is_file,
    read_weights,
)

IMAGENET = "imagenet"
COCO = "coco"

# The layers whose channels are the classes: "classifier.4.weight", "aux_classifier.4.bias".
_LAST_LAYERS = ("classifier.4.", "aux_classifier.4.")
_AUXILIARY = "aux_classifier."


class Renamed(nn.Module):
    """Calls torchvision's output "out" main, and returns it alone when there is no other."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @property
    def encoder(self) -> nn.Module:
        """The backbone."""
        return self.network.get_submodule("backbone")

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """Float (B, 3, H, W) -> logits (B, C, H, W), or named ones."""
        outputs = dict(self.network(images))
        main: Tensor = outputs.pop("out")
        return {"main": main, **outputs} if outputs else main


def build_deeplabv3(context: Context, weights: str, *, aux: bool) -> Segmenter:
    """Make DeepLabV3-ResNet50 and load the weights that a recipe names.

    Args:
        context: of the run.
        weights: "none", "imagenet", "coco" or a file.
        aux: with the auxiliary head.

    Raises:
        UsageError: unknown weights, or weights of another network.
        TrashError: weights that cannot be fetched or read.
    """
    check_choice(weights, (NONE, IMAGENET, COCO), "torchvision's DeepLabV3-ResNet50")
    network: nn.Module = deeplabv3_resnet50(
        weights=None, weights_backbone=None, num_classes=context.n_classes, aux_loss=aux
    )
    if should_load_weights(context, weights, lambda: _lacking(weights)):
        _load(network, _state(weights), weights)
    # It takes any size, yet normalises a globally pooled vector over the batch.
    normalisation = None if weights == NONE or is_file(weights) else IMAGENET_NORMALISATION
    return Segmenter(Renamed(network), 1, least=1, pools_globally=True, normalisation=normalisation)


def _state(weights: str) -> Mapping[str, Tensor]:
    if is_file(weights):
        return read_weights(weights)
    return fetch_weights(_hub(weights).get_state_dict, f"{weights} weights of torchvision")


def _lacking(weights: str) -> str:
    if is_file(weights):
        return lacking_file(weights)
    return lacking_url(_hub(weights).url, f"{weights} weights of torchvision")


def _hub(weights: str) -> WeightsEnum:
    if weights == IMAGENET:
        return ResNet50_Weights.IMAGENET1K_V1
    return DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1


def _load(network: nn.Module, state: Mapping[str, Tensor], weights: str) -> None:
    whole = any(key.startswith("backbone.") for key in state)
    if not whole:
        fill(network.get_submodule("backbone"), state, weights)
        return
    has_auxiliary = any(key.startswith(_AUXILIARY) for key in state)

    def stays(key: str) -> bool:
        return key.startswith(_LAST_LAYERS) or (key.startswith(_AUXILIARY) and not has_auxiliary)

    fill(network, state, weights, leave=stays)
