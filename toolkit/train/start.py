"""Loading the weights of a checkpoint into a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from warnings import catch_warnings, simplefilter

import torch
from torch import nn

from toolkit.errors import UsageError
from toolkit.plugin.interfaces import Context, Normalisation
from toolkit.plugin.registry import Registry
from toolkit.recipe.schema import Recipe
from toolkit.shapes_only import ShapesOnly
from toolkit.train.checkpoint import Checkpoint, load_checkpoint
from toolkit.train.network import build_network

SAME_CLASSES = "has the classes of the training, in the same order: no tensor need be new"
LEAVE_OUT = "Leave out train.start_head: all weights are taken."
OTHER_CLASSES = (
    "Start from a checkpoint of the same classes in the same order, or take all of its weights but "
    'those of the head: train.start_head = "new".'
)
_SHOWN = 4
_LONGEST_SHOWN = 200


Build = Callable[[tuple[str, ...]], nn.Module]
"""Makes a network for other classes: see `without_values`."""


@dataclass(frozen=True)
class Start:
    """What a training begins with.

    Attributes:
        normalisation: how images were normalised for these weights.
        new: names of the tensors that the checkpoint did not give.
    """

    normalisation: Normalisation
    new: tuple[str, ...] = ()


def without_values(recipe: Recipe, registry: Registry) -> Build:
    """Return what makes the network of a recipe for a list of classes, its tensors without memory.

    Raises (the returned function):
        UsageError: the network cannot be built.
    """

    def build(class_names: tuple[str, ...]) -> nn.Module:
        data = recipe.data
        context = Context(
            class_names,
            data.image_size,
            data.ignore_index,
            pretrained=False,
            channels=data.n_channels,
        )
        with torch.device("meta"), ShapesOnly():
            return build_network(registry, recipe.model, context)

    return build


def load_weights(
    model: nn.Module, checkpoint: Checkpoint, path: Path, what: str, hint: str
) -> None:
    """Load all weights of a checkpoint into a network.

    Args:
        model: the network.
        checkpoint: its weights; every one must fit.
        path: of the checkpoint, for messages.
        what: the network in messages, as in "the model unet".
        hint: what to do when they do not fit.

    Raises:
        UsageError: names and sizes differ; the first differences are told.
    """
    try:
        model.load_state_dict(checkpoint.model_state, strict=True)
    except RuntimeError as error:
        raise UsageError(
            f"{path}: the weights do not fit {what}:\n{_first_differences(error)}", hint
        ) from None


def start_from(
    model: nn.Module,
    path: Path,
    class_names: tuple[str, ...],
    name: str,
    build_for_new_head: Build | None = None,
) -> Start:
    """Begin a training with the weights of a checkpoint.

    Args:
        model: the fresh network.
        path: the checkpoint.
        class_names: of the training; index = label.
        name: of the model, for messages.
        build_for_new_head: makes the same network for other classes, without values; given if the
            tensors whose shape depends on the classes are to keep their fresh values.

    Raises:
        UsageError: the checkpoint is none, has other weights than the network, or other classes
            (the same ones, if the head is to be new).
    """
    checkpoint = load_checkpoint(path)
    hint = "train.start needs a checkpoint of the same model with the same parameters."
    normalisation = Normalisation(checkpoint.mean, checkpoint.std)
    if build_for_new_head is not None:
        if checkpoint.class_names == class_names:
            raise UsageError(f"{path} {SAME_CLASSES}", LEAVE_OUT, parameter="train.start_head")
        as_trained = build_for_new_head(checkpoint.class_names)
        with catch_warnings():
            simplefilter("ignore")  # nothing is copied into a network without memory
            load_weights(as_trained, checkpoint, path, f"the model {name}", hint)
        new = _head(build_for_new_head, as_trained, class_names, checkpoint.class_names)
        kept = {key: value for key, value in checkpoint.model_state.items() if key not in new}
        # What both have is of one shape: all others were found to depend on the classes.
        model.load_state_dict(kept, strict=False)
        return Start(normalisation, tuple(key for key in model.state_dict() if key in new))
    if checkpoint.class_names != class_names:
        raise UsageError(
            f"{path} has other classes\n"
            f"training:   {', '.join(class_names)}\n"
            f"checkpoint: {', '.join(checkpoint.class_names)}",
            OTHER_CLASSES,
            parameter="train.start",
        )
    load_weights(model, checkpoint, path, f"the model {name}", hint)
    return Start(normalisation)


def _head(
    build: Build, as_trained: nn.Module, class_names: tuple[str, ...], before: tuple[str, ...]
) -> set[str]:
    """Return the names of the tensors whose shape depends on the number of classes.

    Two lists of classes may be of one length: a third one tells what would change.
    """
    own = _shapes(as_trained)
    others = [_shapes(build(names)) for names in (class_names, (*before, "one more"))]
    names = set(own).union(*others)
    return {name for name in names if any(own.get(name) != other.get(name) for other in others)}


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def _first_differences(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
    shown = [
        line if len(line) < _LONGEST_SHOWN else line[:_LONGEST_SHOWN] + "…"
        for line in lines[:_SHOWN]
    ]
    more = len(lines) - _SHOWN
    return "\n".join([*shown, f"and {more} more"] if more > 0 else shown)
