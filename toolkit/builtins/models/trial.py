"""What a network can do, found by trying it on tensors that hold no data (device "meta")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Unpadded convolutions need more cells than one; windows and halos a grid coarser than the stride.
_MORE_CELLS = (1, 2, 3, 4)
_COARSER = (2, 4, 7, 8)


@dataclass(frozen=True)
class Sizes:
    """Which images a network takes: see `Segmenter`."""

    stride: int
    least: int
    most: int | None = None

    @property
    def example(self) -> tuple[int, int]:
        """A small height and width that the network takes, not square when it need not be."""
        return self.least, self.least if self.most else self.least + self.stride


@dataclass(frozen=True)
class Findings:
    """What a trial tells.

    Attributes:
        sizes: the images that the network takes.
        pools_globally: batch normalisation of a pooled vector forbids to train on a batch of one.
        unused: parameters that no output depends on: some encoders keep layers that they never
            call, and a decoder need not use all features.
    """

    sizes: Sizes
    pools_globally: bool
    unused: tuple[str, ...]


def examine(network: nn.Module, stride: int, cells: int, native: int | None) -> Findings:
    """Train the network for a step at the smallest size whose logits come out as large.

    Args:
        network: (B, 3, h, w) -> logits (B, C, h, w), or several outputs of which they are the
            first.
        stride: what height and width must at least be divisible by.
        cells: smallest height and width in units of the stride.
        native: side of the images that the encoder was made for; the last resort.

    Raises:
        Exception: whatever the network raised at the first size; it takes none that is tried.
    """
    tried = [Sizes(stride, stride * cells * n) for n in _MORE_CELLS]
    tried += [Sizes(stride * n, max(stride * n, stride * cells)) for n in _COARSER]
    if native is not None:
        tried.append(Sizes(native, native, native))
    first: Exception | None = None
    for sizes in tried:
        try:
            return _step(network.train(), sizes)
        except Exception as error:  # timm and smp raise all kinds, from deep inside
            first = first or error
    assert first is not None
    raise first


def _step(network: nn.Module, sizes: Sizes) -> Findings:
    pools_globally = False
    try:
        # The deepest features hold at least two pixels; fewer come from pooling alone.
        outputs = _outputs(network, 1, sizes)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        pools_globally = True
        outputs = _outputs(network, 2, sizes)
    found, expected = tuple(outputs[0].shape[-2:]), sizes.example
    if found != expected:
        raise ValueError(f"images of {expected} give logits of {found}")
    torch.autograd.backward([output.float().sum() for output in outputs])
    unused = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    return Findings(sizes, pools_globally, tuple(unused))


def _outputs(network: nn.Module, batch: int, sizes: Sizes) -> list[Tensor]:
    device = next(network.parameters()).device
    outputs = network(torch.zeros(batch, 3, *sizes.example, device=device))
    if isinstance(outputs, Tensor):
        return [outputs]
    return list(outputs.values() if isinstance(outputs, Mapping) else outputs)
