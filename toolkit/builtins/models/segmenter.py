"""Networks of segmentation_models_pytorch that take images of any size."""

from __future__ import annotations

import segmentation_models_pytorch as smp
from torch import Tensor, nn
from torch.nn import functional

from toolkit import Context, UsageError
from toolkit.builtins.models.encoders import check_encoder
from toolkit.builtins.models.weights import load_encoder

# Their decoders normalise a globally pooled vector over the batch.
_POOLS_GLOBALLY = {"DeepLabV3Plus", "PAN"}
# PAN halves the deepest features three times.
_LEAST_CELLS = {"PAN": 8}
# smp's EfficientNets keep the convolution and norm before the classifier, and never call them.
_UNUSED = (("_conv_head", "_bn1"), ("conv_head", "bn2"))


class Segmenter(nn.Module):
    """Pads images to what the network needs and cuts its logits back to their size.

    Args:
        network: (B, 3, h, w) -> (B, C, h, w) for h and w divisible by `stride`.
        stride: what height and width must be divisible by.
        least: smallest height and width that the network takes.
        pools_globally: the network cannot be trained on a batch of one.
    """

    def __init__(
        self, network: nn.Module, stride: int, *, least: int, pools_globally: bool
    ) -> None:
        super().__init__()
        self.network = network
        self._stride = stride
        self._least = least
        self._pools_globally = pools_globally

    def forward(self, images: Tensor) -> Tensor:
        """Float (B, 3, H, W) -> logits (B, C, H, W).

        Raises:
            UsageError: training on a batch of one where batch normalisation needs two.
        """
        height, width = images.shape[-2:]
        top, bottom = self._border(height)
        left, right = self._border(width)
        if top or bottom or left or right:
            # Replicated rather than mirrored: mirroring fails on images smaller than the border.
            images = functional.pad(images, (left, right, top, bottom), mode="replicate")
        if self.training and len(images) == 1:
            self._refuse_single(images)
        logits: Tensor = self.network(images)
        return logits[..., top : top + height, left : left + width]

    def _border(self, size: int) -> tuple[int, int]:
        missing = max(size + -size % self._stride, self._least) - size
        return missing // 2, missing - missing // 2

    def _refuse_single(self, images: Tensor) -> None:
        one_pixel = max(images.shape[-2:]) <= self._stride
        if self._pools_globally or one_pixel:
            raise UsageError(
                "this network cannot train on a batch of one image"
                + (f" of {self._stride} pixels" if one_pixel else "")
                + ": batch normalisation needs more than one value per channel",
                "Set train.device_batch_size (or train.batch_size) to 2 or more.",
            )


def build_segmenter(context: Context, architecture: str, encoder: str, weights: str) -> Segmenter:
    """Make smp's `architecture` with `encoder` and load the encoder's weights.

    Raises:
        UsageError: unknown encoder, or one that this architecture cannot use, or unknown weights.
        TrashError: weights that cannot be fetched or do not fit.
    """
    check_encoder(encoder)
    try:
        network = getattr(smp, architecture)(
            encoder_name=encoder, encoder_weights=None, classes=context.n_classes
        )
    except Exception as error:  # timm and smp raise all kinds, from deep inside
        raise UsageError(
            f"{architecture} cannot be built on encoder {encoder}: {error}",
            "Choose another encoder, for example tu-tf_efficientnet_lite0 or resnet34.",
        ) from error
    if context.pretrained:
        load_encoder(network.encoder, encoder, weights)
    _freeze_unused(network.encoder)
    stride: int = network.encoder.output_stride
    return Segmenter(
        network,
        stride,
        least=stride * _LEAST_CELLS.get(architecture, 1),
        pools_globally=architecture in _POOLS_GLOBALLY,
    )


def _freeze_unused(encoder: nn.Module) -> None:
    """Freeze what gets no gradient: distributed training waits for every trainable parameter."""
    for names in _UNUSED:
        if all(hasattr(encoder, name) for name in names):
            for name in names:
                getattr(encoder, name).requires_grad_(False)
