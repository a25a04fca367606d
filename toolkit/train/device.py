"""Where and in which number type a network runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from toolkit.errors import TrashError, UsageError
from toolkit.train.normalise import Normalise

_DEVICES = ("auto", "cpu", "cuda", "mps")
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(wanted: str, local_rank: int = 0) -> torch.device:
    """Return the device for `wanted`: "auto", "cpu", "cuda" or "mps".

    Args:
        wanted: "auto" takes cuda, then mps, then cpu.
        local_rank: number of this process on its machine; each process takes its own GPU.

    Raises:
        UsageError: there is no such device, or this machine or this installation of torch does not
            have it.
    """
    if wanted not in _DEVICES:
        raise UsageError(f"there is no device {wanted!r}", "Valid: " + ", ".join(_DEVICES) + ".")
    has_cuda = torch.cuda.is_available()
    has_mps = torch.backends.mps.is_available()
    if wanted == "auto":
        wanted = "cuda" if has_cuda else "mps" if has_mps else "cpu"
    if (wanted == "cuda" and not has_cuda) or (wanted == "mps" and not has_mps):
        raise UsageError(
            f"train.device = {wanted!r}, but torch {torch.__version__} finds no {wanted} device here",
            'Use train.device = "auto" or "cpu".',
        )
    if wanted != "cuda":
        return torch.device(wanted)
    if local_rank >= torch.cuda.device_count():
        raise UsageError(
            f"process {local_rank + 1} on this machine finds no GPU of its own",
            f"Start at most {torch.cuda.device_count()} processes here.",
        )
    return torch.device("cuda", local_rank)


@dataclass(frozen=True)
class Compute:
    """How images go through a network: device, precision, memory layout, normalisation.

    Attributes:
        device: where the network is.
        precision: "fp32", or the autocast type "bf16" or "fp16".
        channels_last: memory layout of network and images.
        normalise: turns uint8 images into the network's input.
    """

    device: torch.device
    precision: str
    channels_last: bool
    normalise: Normalise

    def place(self, model: nn.Module) -> nn.Module:
        """Return the network on the device, in the memory layout."""
        return model.to(self.device, memory_format=self._layout())  # type: ignore[call-overload, no-any-return]

    def images(self, images: Tensor) -> Tensor:
        """Return the network's input, float32 (B, 3, H, W), for uint8 (B, 3, H, W) from a loader."""
        moved = images.to(self.device, non_blocking=True, memory_format=self._layout())
        return self.normalise(moved)

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the forward pass runs."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=_AUTOCAST[self.precision])

    def _layout(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


def make_compute(
    device: torch.device,
    *,
    precision: str,
    channels_last: bool,
    mean: Sequence[float],
    std: Sequence[float],
) -> Compute:
    """Return the way images go through a network.

    Args:
        device: where.
        precision: "fp32", "bf16" or "fp16".
        channels_last: memory layout.
        mean: per RGB channel, on images in 0…1.
        std: per RGB channel, on images in 0…1.

    Raises:
        UsageError: fp16 on a device that is no GPU: gradients would vanish or be slower than fp32.
    """
    if precision == "fp16" and device.type != "cuda":
        raise UsageError(
            f'train.precision = "fp16" needs a cuda device, not {device.type}',
            'Use train.precision = "bf16" or "fp32".',
        )
    return Compute(device, precision, channels_last, Normalise(mean, std, device))


@contextmanager
def explained_out_of_memory(hint: str) -> Iterator[None]:
    """Turn a full GPU memory inside the context into a `TrashError` with `hint`."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        reason = str(error).partition(". ")[0]
        raise TrashError(f"the memory of the GPU is full: {reason}", hint) from error
