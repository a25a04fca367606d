"""HRNetV2 (Wang et al., arXiv:1908.07919) with object-contextual representations."""

from __future__ import annotations

from collections.abc import Callable

import timm
import torch
from timm.models.resnet import BasicBlock, Bottleneck
from torch import Tensor, nn

from toolkit import Context
from toolkit.builtins.models.convolutions import conv_norm, relu
from toolkit.builtins.models.encoders import TIMM_PREFIX, hub_weights
from toolkit.builtins.models.local_weights import lacking_encoder, should_load_weights
from toolkit.builtins.models.ocr import ObjectContext
from toolkit.builtins.models.resizing import resize_maps
from toolkit.builtins.models.segmenter import Segmenter
from toolkit.builtins.models.weights import NONE, check_choice, load_encoder, normalisation_of

_STRIDE = 32

MakeContext = Callable[[int, int, int, float], nn.Module]
"""(channels in, out, of keys, dropout) -> module: (features, rough logits) -> features."""

MakeClassifier = Callable[[int, int], nn.Module]
"""(channels in, classes) -> (B, channels, h, w) -> logits, of the same size or larger."""


class HrNet(nn.Module):
    """timm's backbone without a classifier: its four branches, side by side at 1/4 of the size.

    Args:
        width: channels of the finest branch; each next one has twice as many at half the size.
        fuse: how coarser branches are enlarged before they are added to finer ones.
    """

    def __init__(self, width: int, fuse: str = "nearest") -> None:
        super().__init__()
        # An empty location leaves out the classifier's part, which widens each branch.
        self.model = timm.create_model(
            f"hrnet_w{width}",
            pretrained=False,
            features_only=True,
            feature_location="",
            out_indices=(1, 2, 3, 4),
        )
        # Blocks begin as the identity (Goyal et al., arXiv:1706.02677, section 5.1). Without
        # weights the features would otherwise grow with every block, to 1e7 before any training.
        for module in self.model.modules():
            if isinstance(module, BasicBlock | Bottleneck):
                module.zero_init_last()
            # timm's is that of HRNet-Image-Classification, which the ImageNet weights come from;
            # HRNet-Semantic-Segmentation has this.
            if isinstance(module, nn.Upsample) and fuse == "bilinear":
                module.mode, module.align_corners = "bilinear", True
        self.n_channels: int = sum(self.model.feature_info.channels())

    def forward(self, images: Tensor) -> Tensor:
        """Float (B, 3, H, W) -> (B, n_channels, H / 4, W / 4)."""
        branches: list[Tensor] = self.model(images)
        size = branches[0].shape[-2:]
        return torch.cat([_upsample(branch, size) for branch in branches], dim=1)


class HrNetOcr(nn.Module):
    """Backbone, a rough segmentation ("aux"), and one with object context ("main").

    The heads keep torch's initialisation. The original drew every convolution outside them from
    N(0, 0.001²), but its backbone then got weights of ImageNet, and nothing was left of that.
    """

    def __init__(
        self, encoder: HrNet, context: nn.Module, classifier: nn.Module, n_classes: int
    ) -> None:
        super().__init__()
        n = encoder.n_channels
        self.encoder = encoder
        self.aux_head = nn.Sequential(conv_norm(n, n, bias=True), nn.Conv2d(n, n_classes, 1))
        self.context = context
        self.classifier = classifier

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Float (B, 3, H, W), H and W divisible by 32 -> two logits (B, C, H, W)."""
        features = self.encoder(images)
        rough = self.aux_head(features)
        logits = self.classifier(self.context(features, rough))
        size = images.shape[-2:]
        return {"main": _upsample(logits, size), "aux": _upsample(rough, size)}


def _upsample(maps: Tensor, size: torch.Size) -> Tensor:
    return resize_maps(maps, size, align_corners=True)


def plain_classifier(n_channels: int, n_classes: int) -> nn.Module:
    """Make a 1 × 1 convolution."""
    return nn.Conv2d(n_channels, n_classes, 1)


def transposed_classifier(n_channels: int, n_classes: int) -> nn.Module:
    """Make a classifier that learns to upsample by four: the main logits are at full size."""
    width = max(n_channels // 3, 1)
    return nn.Sequential(
        nn.ConvTranspose2d(n_channels, width, 2, stride=2, bias=False),
        nn.BatchNorm2d(width),
        relu(),
        nn.ConvTranspose2d(width, width, 2, stride=2, bias=False),
        nn.BatchNorm2d(width),
        relu(),
        nn.Conv2d(width, n_classes, 1),
    )


def build_hrnet_ocr(
    context: Context,
    *,
    width: int,
    weights: str,
    channels: tuple[int, int],
    dropout: float,
    fuse: str,
    make_context: MakeContext = ObjectContext,
    make_classifier: MakeClassifier = plain_classifier,
) -> Segmenter:
    """Make the network and load the backbone's weights; `channels` are (features, keys).

    Raises:
        UsageError: unknown weights, or weights of another backbone.
        TrashError: weights that cannot be fetched or read.
    """
    name = f"{TIMM_PREFIX}hrnet_w{width}"
    check_choice(weights, (NONE, *hub_weights(name)), f"HRNet-W{width}")
    encoder = HrNet(width, fuse)
    if should_load_weights(context, weights, lambda: lacking_encoder(name, weights)):
        load_encoder(encoder, name, weights)
    n_channels, n_keys = channels
    network = HrNetOcr(
        encoder,
        make_context(encoder.n_channels, n_channels, n_keys, dropout),
        make_classifier(n_channels, context.n_classes),
        context.n_classes,
    )
    # The regions are normalised over images and classes.
    return Segmenter(
        network,
        _STRIDE,
        least=_STRIDE,
        pools_globally=context.n_classes == 1,
        normalisation=normalisation_of(name, weights),
    )
