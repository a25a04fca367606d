"""Building the learner of a recipe: network, loss, optimiser, schedule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

import torch
from torch import nn

from toolkit.errors import TrashError, UsageError, in_words, raised_at
from toolkit.memory import memory_shortage
from toolkit.plugin.component import N_RGB
from toolkit.plugin.interfaces import Context, ListensToValidation
from toolkit.plugin.registry import Registry
from toolkit.progress import Progress, SilentProgress
from toolkit.recipe.schema import Recipe
from toolkit.train.criterion import build_criterion
from toolkit.train.device import Compute, make_compute
from toolkit.train.distributed import World
from toolkit.train.learner import Learner
from toolkit.train.network import build_network
from toolkit.train.normalise import normalisation_warning, weights_normalisation
from toolkit.train.outputs import output_shapes
from toolkit.train.parameter_groups import make_optimizer
from toolkit.train.start import start_from, without_values
from toolkit.wording import counted, some_of

_SHOWN = 12


def build_learner(
    recipe: Recipe,
    registry: Registry,
    context: Context,
    device: torch.device,
    world: World,
    start: Path | None = None,
    progress: Progress = SilentProgress(),  # noqa: B008 - it has no state
) -> Learner:
    """Return a learner on the device, with fresh (or pretrained) weights or those of a checkpoint.

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
    with parameters_of("model"):
        # Weights that are replaced at once need no download.
        fresh = context if start is None else replace(context, pretrained=False)
        model = build_network(registry, recipe.model, fresh)
    normalisation = weights_normalisation(model) if fresh.pretrained else None
    if start is not None:
        build = without_values(recipe, registry) if recipe.train.start_head else None
        started = start_from(model, start, context.class_names, recipe.model.name, build)
        normalisation = started.normalisation
        if started.new:
            progress.say(
                f"{len(started.new)} of {len(model.state_dict())} tensors are new, all others are "
                f"those of {start}: {some_of(started.new, _SHOWN)}"
            )
    warning = normalisation_warning(normalisation, recipe.data)
    if warning:
        progress.say(f"warning: {warning}")
    if world.size > 1 and device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    model = compute.place(model)
    shapes = _output_shapes(model, compute, context, recipe.model.name)
    torch.backends.cudnn.benchmark = recipe.train.compile  # else it makes runs differ
    forward = cast(nn.Module, torch.compile(model)) if recipe.train.compile else model
    with parameters_of("loss"):
        criterion = build_criterion(recipe, registry, context, shapes, device)
    with parameters_of("optimizer"):
        optimizer = make_optimizer(
            recipe.optimizer, registry, context, model, model_name=recipe.model.name
        )
    with parameters_of("scheduler"):
        scheduler = registry.build("scheduler", recipe.scheduler, context, optimizer)
    if recipe.train.on == "all" and isinstance(scheduler, ListensToValidation):
        raise UsageError(
            f"scheduler {recipe.scheduler.name} waits for validation scores, and with "
            'train.on = "all" there are none',
            "Choose another one, such as cosine.",
            parameter="scheduler.name",
        )
    return Learner(
        model,
        world.wrap(forward, device, some_unused=len(criterion.auxiliary) + 1 < len(shapes)),
        criterion,
        optimizer,
        scheduler,
        compute=compute,
        world=world,
        ignore_index=context.ignore_index,
        clip_norm=recipe.train.clip_norm,
        ema=recipe.train.ema,
    )


@contextmanager
def parameters_of(key: str) -> Iterator[None]:
    """Turn the parameter that a factory refuses into the key of the recipe, "model.weights"."""
    try:
        yield
    except TrashError as error:
        if error.parameter and not error.parameter.startswith("auxiliary."):
            error.parameter = f"{key}.{error.parameter}"
        raise


@torch.no_grad()
def _output_shapes(
    model: nn.Module, compute: Compute, context: Context, name: str
) -> dict[str, tuple[int, ...]]:
    """Try the network on one image, so that a wrong output is found before the first epoch."""
    model.eval()
    image = torch.zeros((1, context.channels, *context.image_size), dtype=torch.uint8)
    try:
        with compute.autocast():
            output = model(compute.images(image))
    except (TrashError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # a network is anybody's code
        if memory_shortage(error) is not None:
            raise
        if context.channels != N_RGB:
            photos = counted(context.channels, "channel", "channels")
            raise UsageError(
                f"model {name} takes no photos of {photos}: {in_words(error)}{raised_at(error)}",
                "Its first convolution of 3 channels was adapted, if it has one. Choose another "
                "network, or let its plugin build for context.channels.",
            ) from error
        raise TrashError(
            f"model {name} failed on one image of {context.image_size} pixels: "
            f"{in_words(error)}{raised_at(error)}",
            f"Check it: trash plugin check {name}",
        ) from error
    return output_shapes(output, (1, context.n_classes, *context.image_size), name)
