"""Fully convolutional networks on VGG-16 (Long, Shelhamer & Darrell, arXiv:1411.4038)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models import VGG16_Weights, vgg16

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

# Layers of torchvision's vgg16().features that end with the pooling to 1/8, 1/16 and 1/32.
_STAGES = ((0, 17), (17, 24), (24, 31))
_STAGE_CHANNELS = (256, 512, 512)
_HEAD_CHANNELS = 4096
_DEEPEST = 32


class Fcn(nn.Module):
    """Scores of the deepest features, added to those of finer ones on the way up.

    Args:
        n_classes: channels of the logits.
        stride: of the finest scores: 8, 16 or 32.
        dropout: share dropped after each wide layer of the head.
        drop: "channels" or single "values".
    """

    def __init__(self, n_classes: int, stride: int, dropout: float, drop: str = "channels") -> None:
        super().__init__()
        dropping = nn.Dropout if drop == "values" else nn.Dropout2d
        self.encoder = _features()
        self.head = nn.Sequential(
            nn.Conv2d(_STAGE_CHANNELS[-1], _HEAD_CHANNELS, 1),
            nn.ReLU(inplace=True),
            dropping(dropout),
            nn.Conv2d(_HEAD_CHANNELS, _HEAD_CHANNELS, 1),
            nn.ReLU(inplace=True),
            dropping(dropout),
            nn.Conv2d(_HEAD_CHANNELS, n_classes, 1),
        )
        n_skips = (_DEEPEST // stride).bit_length() - 1
        skips = _STAGE_CHANNELS[-2::-1][:n_skips]  # 1/16 first
        self.skips = nn.ModuleList(nn.Conv2d(channels, n_classes, 1) for channels in skips)
        factors = (2,) * n_skips + (stride,)
        self.upsampling = nn.ModuleList(_upsampling(n_classes, factor) for factor in factors)
        _keep_variance(self.encoder)
        _keep_variance(self.head[:-1])

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> logits (B, C, H, W); H and W are divisible by 32."""
        features = [images]
        for first, last in _STAGES:
            features.append(self.encoder[first:last](features[-1]))
        logits: Tensor = self.head(features.pop())
        for upsample, skip in zip(self.upsampling, self.skips, strict=False):
            logits = upsample(logits) + skip(features.pop())
        full: Tensor = self.upsampling[-1](logits)
        return full


def _features() -> nn.Sequential:
    with torch.device("meta"):  # of its 138 million parameters all but 15 are left out here
        features: nn.Sequential = vgg16(weights=None).features
    return features.to_empty(device=torch.get_default_device())


def _keep_variance(layers: nn.Sequential) -> None:
    """Fill convolutions so that random features neither vanish nor explode (arXiv:1502.01852).

    VGG-16 has no normalisation, and torch's default would halve the signal at every layer.
    """
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(_bias(layer))


def _upsampling(n_classes: int, factor: int) -> nn.ConvTranspose2d:
    """Return a learnt upsampling that starts as bilinear interpolation.

    The team's own networks left these layers at random numbers: the code that was meant to fill
    them was never reached.
    """
    side = 2 * factor
    layer = nn.ConvTranspose2d(n_classes, n_classes, side, stride=factor, padding=factor // 2)
    distance = (torch.arange(side) - (side - 1) / 2).abs() / factor
    line = 1 - distance
    with torch.no_grad():
        layer.weight.zero_()
        for label in range(n_classes):
            layer.weight[label, label] = torch.outer(line, line)
        _bias(layer).zero_()
    return layer


def _bias(layer: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias


def build_fcn(context: Context, stride: int, weights: str, dropout: float, drop: str) -> Segmenter:
    """Make an FCN and load the weights of its backbone.

    Raises:
        UsageError: unknown weights, or weights of another network.
        TrashError: weights that cannot be fetched or read.
    """
    check_choice(weights, (NONE, IMAGENET), "VGG-16")
    network = Fcn(context.n_classes, stride, dropout, drop)
    hub = VGG16_Weights.IMAGENET1K_V1

    def lacking() -> str:
        what = "imagenet weights of VGG-16"
        return lacking_file(weights) if is_file(weights) else lacking_url(hub.url, what)

    if should_load_weights(context, weights, lacking):
        state = (
            read_weights(weights)
            if is_file(weights)
            else fetch_weights(hub.get_state_dict, "imagenet weights of VGG-16")
        )
        fill(network.encoder, state, weights)
    normalisation = None if weights == NONE or is_file(weights) else IMAGENET_NORMALISATION
    return Segmenter(
        network, _DEEPEST, least=_DEEPEST, pools_globally=False, normalisation=normalisation
    )
