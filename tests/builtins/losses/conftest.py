from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from toolkit import ComponentSpec, Context
from toolkit.plugin.registry import Registry

IGNORED = 255


@dataclass(frozen=True)
class Bench:
    """Makes losses for four classes and holds them against a slow, obvious reference."""

    registry: Registry
    context: Context

    def make(self, name: str, /, **parameters: object):
        return self.registry.build("loss", ComponentSpec(name=name, **parameters), self.context)

    def batch(self, seed: int = 0, size: tuple[int, int] = (3, 5)) -> tuple[Tensor, Tensor]:
        """Double logits (2, 4, H, W) and a target that lacks class 3 and ignores some pixels."""
        generator = torch.Generator().manual_seed(seed)
        logits = torch.randn(2, 4, *size, generator=generator, dtype=torch.float64) * 2
        target = torch.randint(0, 3, (2, *size), generator=generator)
        target[torch.rand(2, *size, generator=generator) < 0.25] = IGNORED
        return logits.requires_grad_(), target

    def blobs(self, seed: int = 0, size: tuple[int, int] = (8, 9)) -> tuple[Tensor, Tensor]:
        """As `batch`, with labels in blocks of 3 × 3; the second image lacks class 2 as well."""
        logits, _ = self.batch(seed, size)
        _, cells = self.batch(seed, (-(-size[0] // 3), -(-size[1] // 3)))
        target = cells.repeat_interleave(3, 1).repeat_interleave(3, 2)[:, : size[0], : size[1]]
        target[1][target[1] == 2] = 0
        return logits, target.contiguous()

    def agrees(
        self,
        loss: Callable[[Tensor, Tensor], Tensor],
        reference: Callable[[Tensor, Tensor], Tensor],
        batch: tuple[Tensor, Tensor],
        rtol: float = 1e-6,
    ) -> None:
        """Values and gradients are those of the reference."""
        logits, target = batch
        value, expected = loss(logits, target), reference(logits, target)
        torch.testing.assert_close(value, expected, rtol=rtol, atol=1e-9)
        (gradient,) = torch.autograd.grad(value, logits)
        (slow_gradient,) = torch.autograd.grad(expected, logits)
        assert slow_gradient.any()
        torch.testing.assert_close(gradient, slow_gradient, rtol=10 * rtol, atol=1e-9)

    def slopes(
        self, loss: Callable[[Tensor, Tensor], Tensor], batch: tuple[Tensor, Tensor]
    ) -> None:
        """The gradient is the slope of the value, by finite differences."""
        logits, target = batch
        small = logits.detach()[:1].clone().requires_grad_()
        assert torch.autograd.gradcheck(lambda x: loss(x, target[:1]), (small,))


@pytest.fixture(scope="session")
def bench(registry: Registry) -> Bench:
    names = ("Background", "Paper", "Glass", "Metal")
    shares, counts = (0.7, 0.2, 0.1, 0.0), (1000, 500, 20, 0)
    return Bench(registry, Context(names, pixel_share=shares, image_counts=counts))


@pytest.fixture(scope="session")
def certain() -> Callable[[Tensor], Tensor]:
    """Logits (B, 4, H, W) that give all probability to the labels of a target."""
    return lambda target: torch.nn.functional.one_hot(target, 4).movedim(-1, 1).double() * 100
