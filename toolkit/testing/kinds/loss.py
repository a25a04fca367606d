"""The contract of a loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from toolkit.plugin.interfaces import Context
from toolkit.testing import samples
from toolkit.testing.contract import Rule, Subject, require

_B, _H, _W = 2, 24, 32


def _batch(context: Context, ignored: bool = True) -> tuple[Tensor, Tensor]:
    """Return logits (B, C, H, W) and a target (B, H, W) that lacks the last class."""
    rng = np.random.default_rng(0)
    n_classes = context.n_classes
    logits = rng.standard_normal((_B, n_classes, _H, _W)).astype(np.float32)
    index = context.ignore_index if ignored else None
    target = np.stack([samples.labels(rng, _H, _W, n_classes - 1, index) for _ in range(_B)])
    return torch.from_numpy(logits), torch.from_numpy(target.astype(np.int64))


def _evaluate(subject: Subject, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the value and its gradient at the logits."""
    logits = logits.clone().requires_grad_()
    value = subject.build()(logits, target)
    require(isinstance(value, Tensor), f"it returned {type(value).__name__}, not a tensor")
    require(value.requires_grad, "the value does not depend on the logits: backward() cannot work")
    (gradient,) = torch.autograd.grad(value, logits, allow_unused=True)
    require(gradient is not None, "no gradient reaches the logits")
    return value.detach(), gradient


def is_finite_scalar(subject: Subject) -> None:
    """Returns one finite number, with and without ignored pixels."""
    for ignored in (True, False):
        value, _ = _evaluate(subject, *_batch(subject.context, ignored))
        require(value.shape == (), f"the value has shape {tuple(value.shape)}, not ()")
        require(bool(value.isfinite()), f"the value is {value.item()}")


def sends_gradient(subject: Subject) -> None:
    """Sends a finite gradient to the logits."""
    _, gradient = _evaluate(subject, *_batch(subject.context))
    require(bool(gradient.isfinite().all()), "the gradient is not finite")
    require(bool(gradient.any()), "the gradient is 0 everywhere: nothing would be learnt")


def prefers_the_truth(subject: Subject) -> None:
    """Is lower for logits that agree with the target than for those that do not."""
    _, target = _batch(subject.context, ignored=False)
    one_hot = torch.nn.functional.one_hot(target, subject.context.n_classes).movedim(-1, 1).float()
    right, _ = _evaluate(subject, 8 * one_hot, target)
    wrong, _ = _evaluate(subject, 8 * one_hot.roll(1, dims=1), target)
    require(bool(right < wrong), f"right logits cost {right:.4g}, wrong ones {wrong:.4g}")


def ignores_ignored_pixels(subject: Subject) -> None:
    """Ignored pixels change neither the value nor the gradient."""
    logits, target = _batch(subject.context)
    ignored = (target == subject.context.ignore_index).unsqueeze(1)
    value, gradient = _evaluate(subject, logits, target)
    other, other_gradient = _evaluate(subject, torch.where(ignored, 5 - logits, logits), target)
    require(
        torch.allclose(value, other, rtol=1e-5, atol=1e-7),
        f"logits of ignored pixels change the value from {value:.6g} to {other:.6g}",
    )
    require(
        torch.allclose(gradient, other_gradient, rtol=1e-4, atol=1e-7),
        "logits of ignored pixels change the gradient of the others",
    )
    require(not gradient.masked_select(ignored).any(), "ignored pixels receive a gradient")


def follows_ignore_index(subject: Subject) -> None:
    """Takes the label of ignored pixels from the run: it is not 255 in every contest."""
    logits, target = _batch(subject.context)
    own = subject.context.ignore_index
    other = own - 1 if own > subject.context.n_classes else own + 1
    value, _ = _evaluate(subject, logits, target)
    same = subject.build(ignore_index=other)(logits, target.masked_fill(target == own, other))
    require(
        torch.allclose(value, same.detach(), rtol=1e-5, atol=1e-7),
        f"{value:.6g} becomes {same:.6g} where ignored pixels are labelled {other}, not {own}",
    )


def counts_every_image(subject: Subject) -> None:
    """Counts every image of a batch, in whatever order they come."""
    logits, target = _batch(subject.context)
    value, gradient = _evaluate(subject, logits, target)
    reached = gradient.flatten(1).any(dim=1).tolist()
    require(all(reached), f"image {reached.index(False) if False in reached else 0} counts nothing")
    turned, _ = _evaluate(subject, logits.flip(0), target.flip(0))
    require(
        torch.allclose(value, turned, rtol=1e-5, atol=1e-7),
        f"{value:.6g} becomes {turned:.6g} when the images of the batch change places",
    )


def all_ignored_is_zero(subject: Subject) -> None:
    """Is exactly 0, with gradient 0, when every pixel is ignored."""
    logits, target = _batch(subject.context)
    value, gradient = _evaluate(
        subject, logits, torch.full_like(target, subject.context.ignore_index)
    )
    require(bool(value == 0), f"the value is {value.item()}")
    require(not bool(gradient.any()), "the gradient is not 0")


def takes_one_class(subject: Subject) -> None:
    """Is finite when the target holds one class only."""
    logits, target = _batch(subject.context)
    value, gradient = _evaluate(subject, logits, torch.zeros_like(target))
    require(bool(value.isfinite()), f"the value is {value.item()}")
    require(bool(gradient.isfinite().all()), "the gradient is not finite")


def takes_half_precision(subject: Subject) -> None:
    """Computes bf16 and fp16 logits in float32, also under autocast."""
    logits, target = _batch(subject.context)
    for dtype in (torch.bfloat16, torch.float16):
        half = logits.to(dtype)
        expected, _ = _evaluate(subject, half.float(), target)
        value, gradient = _evaluate(subject, half, target)
        require(bool(gradient.isfinite().all()), f"the gradient of {dtype} logits is not finite")
        require(
            torch.allclose(value.float(), expected, rtol=1e-4, atol=1e-6),
            f"{dtype} logits give {value:.6g}, the same logits in float32 {expected:.6g}",
        )
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value, _ = _evaluate(subject, logits, target)
    expected, _ = _evaluate(subject, logits, target)
    require(
        torch.allclose(value.float(), expected, rtol=1e-4, atol=1e-6),
        f"under bf16 autocast the value is {value:.6g}, without it {expected:.6g}",
    )


def survives_large_logits(subject: Subject) -> None:
    """Is finite for logits that are certain, right or wrong."""
    logits, target = _batch(subject.context)
    value, gradient = _evaluate(subject, 1e4 * logits, target)
    require(bool(value.isfinite()), f"the value is {value.item()}")
    require(bool(gradient.isfinite().all()), "the gradient is not finite")


def leaves_inputs(subject: Subject) -> None:
    """Leaves logits and target as they were."""
    logits, target = _batch(subject.context)
    before = logits.clone(), target.clone()
    subject.build()(logits, target)
    require(torch.equal(logits, before[0]), "it changed the logits in place")
    require(torch.equal(target, before[1]), "it changed the target in place")


RULES: tuple[Rule, ...] = (
    is_finite_scalar,
    sends_gradient,
    prefers_the_truth,
    ignores_ignored_pixels,
    follows_ignore_index,
    counts_every_image,
    all_ignored_is_zero,
    takes_one_class,
    takes_half_precision,
    survives_large_logits,
    leaves_inputs,
)
