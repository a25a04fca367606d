"""From a recipe to a learner: network, loss, optimiser, schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import nn

from toolkit.errors import TrashError, in_words, raised_at
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.recipe.schema import Recipe
from toolkit.train.device import Compute, make_compute
from toolkit.train.distributed import World
from toolkit.train.learner import Learner
from toolkit.train.outputs import main_output


def build_learner(
    recipe: Recipe, registry: Registry, context: Context, device: torch.device, world: World
) -> Learner:
    """Return a learner with fresh (or pretrained) weights on the device.

    Raises:
        TrashError: a component cannot be built, or the network's output has a wrong shape.
    """
    compute = make_compute(
        device,
        precision=recipe.train.precision,
        channels_last=recipe.train.channels_last,
        mean=recipe.data.mean,
        std=recipe.data.std,
    )
    model: nn.Module = registry.build("model", recipe.model, context)
    if world.size > 1 and device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    model = compute.place(model)
    has_more = _has_auxiliary_outputs(model, compute, context, recipe.model.name)
    torch.backends.cudnn.benchmark = recipe.train.compile  # else it makes runs differ
    forward = cast(nn.Module, torch.compile(model)) if recipe.train.compile else model
    loss = registry.build("loss", recipe.loss, context)
    if isinstance(loss, nn.Module):
        loss = loss.to(device)
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = registry.build("optimizer", recipe.optimizer, context, trainable)
    return Learner(
        model,
        world.wrap(forward, device, some_unused=has_more),
        loss,
        optimizer,
        registry.build("scheduler", recipe.scheduler, context, optimizer),
        compute=compute,
        world=world,
        ignore_index=context.ignore_index,
        clip_norm=recipe.train.clip_norm,
        ema=recipe.train.ema,
    )


@torch.no_grad()
def _has_auxiliary_outputs(model: nn.Module, compute: Compute, context: Context, name: str) -> bool:
    """Try the network on one image, so that a wrong output is found before the first epoch."""
    model.eval()
    image = torch.zeros((1, 3, *context.image_size), dtype=torch.uint8)
    try:
        with compute.autocast():
            output = model(compute.images(image))
    except (TrashError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # a network is anybody's code
        raise TrashError(
            f"model {name} failed on one image of {context.image_size} pixels: "
            f"{in_words(error)}{raised_at(error)}",
            f"Check it: trash plugin check {name}",
        ) from error
    shape = tuple(main_output(output).shape)
    expected = (1, context.n_classes, *context.image_size)
    if shape != expected:
        raise TrashError(
            f"model {name} returned logits of shape {shape} for one image, not {expected}",
            "Logits are (images, classes, height, width), at the size of the input.",
        )
    return isinstance(output, Mapping) and len(output) > 1
