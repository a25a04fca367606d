"""The sum of the losses of all outputs of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from toolkit.errors import TrashError, UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, Loss
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.registry import Registry
from toolkit.recipe.schema import Auxiliary, Recipe
from toolkit.suggestions import did_you_mean
from toolkit.train.outputs import MAIN, main_output


@dataclass(frozen=True)
class WeightedLoss:
    """The loss of one output and its factor."""

    output: str
    weight: float
    loss: Loss

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        loss: Any = self.loss(output.float(), target)
        what = "the loss" if self.output == MAIN else f"the loss of output {self.output}"
        if not isinstance(loss, Tensor) or loss.ndim != 0:
            tensor = isinstance(loss, Tensor)
            shown = f"shape {tuple(loss.shape)}" if tensor else f"type {type(loss).__name__}"
            raise TrashError(
                f"{what} has {shown}: it must be a tensor of one number",
                "A loss averages over the pixels; check it: trash plugin check NAME",
            )
        return self.weight * loss


@dataclass(frozen=True)
class Criterion:
    """Main loss plus the weighted losses of the auxiliary outputs.

    Attributes:
        main: loss of the main output; validation uses it alone.
        auxiliary: losses of the others.
    """

    main: WeightedLoss
    auxiliary: tuple[WeightedLoss, ...] = ()

    def __call__(self, output: Any, target: Tensor) -> Tensor:
        """Return the loss of what a network returned.

        Args:
            output: logits (B, C, H, W), or named outputs.
            target: int64 (B, H, W).
        """
        total = self.main(main_output(output), target)
        for part in self.auxiliary:
            total = total + part(output[part.output], target)
        return total


class PresenceLoss:
    """Binary cross entropy of which classes an image shows; images without a counted pixel give 0.

    `logits` are (B, C), one per class of the image. What is shown is read from the labels after
    augmentation, background included.
    """

    def __init__(self, ignore_index: int) -> None:
        self._ignore_index = ignore_index

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        batch, n_classes = logits.shape
        counted = target != self._ignore_index
        # Ignored pixels fall into one more class, which is cut off again.
        labels = torch.where(counted, target, n_classes).flatten(1)
        shown = logits.new_zeros(batch, n_classes + 1).scatter_(1, labels, 1.0)[:, :n_classes]
        weight = counted.flatten(1).any(dim=1).to(logits.dtype).unsqueeze(1)
        loss = functional.binary_cross_entropy_with_logits(logits, shown, weight, reduction="sum")
        return loss / (weight.sum().clamp(min=1) * n_classes)


def build_criterion(
    recipe: Recipe,
    registry: Registry,
    context: Context,
    shapes: Mapping[str, tuple[int, ...]],
    device: torch.device,
) -> Criterion:
    """Return the losses that a recipe names for the outputs that its network has.

    Args:
        recipe: the recipe.
        registry: where its losses are found.
        context: what they may know.
        shapes: name of each output of the network -> its shape.
        device: where the losses compute.

    Raises:
        UsageError: the recipe names an output that the network does not have, or gives a loss of
            maps to an output of images.
    """

    def built(spec: ComponentSpec) -> tuple[float, Loss]:
        loss = registry.build("loss", spec, context)
        if isinstance(loss, torch.nn.Module):
            loss = loss.to(device)
        default = KINDS["loss"].common["weight"][1]
        return float(spec.parameters.get("weight", default)), loss

    check_outputs(recipe, shapes)
    main = WeightedLoss(MAIN, *built(recipe.loss))
    parts = []
    for name, shape in shapes.items():
        auxiliary = recipe.auxiliary.get(name, Auxiliary())
        if name == MAIN or not auxiliary.weight:
            continue
        if is_of_images(shape):
            parts.append(WeightedLoss(name, auxiliary.weight, PresenceLoss(context.ignore_index)))
        else:
            weight, loss = built(auxiliary.loss or recipe.loss)
            parts.append(WeightedLoss(name, auxiliary.weight * weight, loss))
    return Criterion(main, tuple(parts))


def is_of_images(shape: tuple[int, ...]) -> bool:
    """Return whether an output has one value per image and class, not per pixel."""
    return len(shape) == 2


def check_outputs(recipe: Recipe, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise a UsageError if [auxiliary] does not fit the outputs of the network."""
    others = [name for name in shapes if name != MAIN]
    for name, auxiliary in recipe.auxiliary.items():
        if name == MAIN:
            raise UsageError(
                "auxiliary.main: the main output is trained by [loss]",
                "Its factor is loss.weight.",
                parameter="auxiliary.main",
            )
        if name not in shapes:
            raise UsageError(
                f"auxiliary.{name}: model {recipe.model.name} has no output called {name}",
                did_you_mean(name, others) if others else "It has no auxiliary outputs.",
                parameter=f"auxiliary.{name}",
            )
        if auxiliary.loss is not None and is_of_images(shapes[name]):
            raise UsageError(
                f"auxiliary.{name}.loss: this output has one value per image and class; "
                "it is trained with binary cross entropy",
                f"Leave out auxiliary.{name}.loss; auxiliary.{name}.weight is its factor.",
                parameter=f"auxiliary.{name}.loss",
            )
