"""Loading the weights of a checkpoint into a network."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from toolkit.errors import UsageError
from toolkit.plugin.interfaces import Normalisation
from toolkit.train.checkpoint import Checkpoint, load_checkpoint

_SHOWN = 4
_LONGEST_SHOWN = 200


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
    model: nn.Module, path: Path, class_names: tuple[str, ...], name: str
) -> Normalisation:
    """Begin a training with the weights of a checkpoint.

    Args:
        model: the fresh network.
        path: the checkpoint.
        class_names: of the training; index = label.
        name: of the model, for messages.

    Returns:
        How images were normalised for these weights.

    Raises:
        UsageError: the checkpoint is none, has other classes, or other weights than the network.
    """
    checkpoint = load_checkpoint(path)
    if checkpoint.class_names != class_names:
        raise UsageError(
            f"{path} has other classes\n"
            f"training:   {', '.join(class_names)}\n"
            f"checkpoint: {', '.join(checkpoint.class_names)}",
            "Start from a checkpoint of the same classes in the same order.",
            parameter="train.start",
        )
    hint = "train.start needs a checkpoint of the same model with the same parameters."
    load_weights(model, checkpoint, path, f"the model {name}", hint)
    return Normalisation(checkpoint.mean, checkpoint.std)


def _first_differences(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
    shown = [
        line if len(line) < _LONGEST_SHOWN else line[:_LONGEST_SHOWN] + "…"
        for line in lines[:_SHOWN]
    ]
    more = len(lines) - _SHOWN
    return "\n".join([*shown, f"and {more} more"] if more > 0 else shown)
