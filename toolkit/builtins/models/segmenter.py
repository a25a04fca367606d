"""Networks that take images of any size."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from toolkit import UsageError
from toolkit.plugin.interfaces import Normalisation


class Segmenter(nn.Module):
    """Pads images to what the network needs and cuts its maps back to their size.

    Args:
        network: (B, 3, h, w) -> logits (B, C, h, w), or named outputs of which the maps have that
            size, for h and w divisible by `stride`.
        stride: what height and width must be divisible by.
        least: smallest height and width that the network takes.
        most: largest height and width that it takes; None = any.
        pools_globally: the network cannot be trained on a batch of one.
        normalisation: of the images that its weights were trained on; None = not known.
    """

    def __init__(
        self,
        network: nn.Module,
        stride: int,
        *,
        least: int,
        pools_globally: bool,
        most: int | None = None,
        normalisation: Normalisation | None = None,
    ) -> None:
        super().__init__()
        self.normalisation = normalisation
        self.network = network
        self._stride = stride
        self._least = least
        self._most = most
        self._pools_globally = pools_globally
        self._has_batch_norm = any(isinstance(part, _BatchNorm) for part in network.modules())

    @property
    def encoder(self) -> nn.Module:
        """The backbone, which may have a learning rate of its own."""
        return self.network.get_submodule("encoder")

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """Float (B, 3, H, W) -> logits (B, C, H, W), or the network's named outputs.

        Raises:
            UsageError: training on a batch of one where batch normalisation needs two; images that
                are larger than the network takes.
        """
        height, width = images.shape[-2:]
        self._refuse_large(height, width)
        top, bottom = self._border(height)
        left, right = self._border(width)
        if top or bottom or left or right:
            # Replicated rather than mirrored: mirroring fails on images smaller than the border.
            images = functional.pad(images, (left, right, top, bottom), mode="replicate")
        if self.training and len(images) == 1:
            self._refuse_single(images)
        window = (..., slice(top, top + height), slice(left, left + width))
        outputs: Tensor | Mapping[str, Tensor] | tuple[Tensor, Tensor] = self.network(images)
        if isinstance(outputs, Tensor):
            return outputs[window]
        if isinstance(outputs, tuple):  # smp's networks with a classification head
            outputs = dict(zip(("main", "presence"), outputs, strict=True))
        # Outputs of whole images, (B, C), have nothing to cut off.
        return {
            name: output[window] if output.ndim == 4 else output for name, output in outputs.items()
        }

    def _border(self, size: int) -> tuple[int, int]:
        missing = max(size + -size % self._stride, self._least) - size
        return missing // 2, missing - missing // 2

    def _refuse_single(self, images: Tensor) -> None:
        one_pixel = self._has_batch_norm and max(images.shape[-2:]) <= self._stride
        if self._pools_globally or one_pixel:
            raise UsageError(
                "this network cannot train on a batch of one image"
                + (f" of {self._stride} pixels" if one_pixel else "")
                + ": batch normalisation needs more than one value per channel",
                "Set train.device_batch_size (or train.batch_size) to 2 or more.",
            )

    def _refuse_large(self, height: int, width: int) -> None:
        if self._most is not None and max(height, width) > self._most:
            raise UsageError(
                f"this network takes images up to {self._most} × {self._most} pixels, "
                f"not {height} × {width}",
                f"Set data.image_size to at most [{self._most}, {self._most}].",
            )
