"""Outputs of a network: logits, or named outputs with a `main` one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from toolkit.errors import TrashError

MAIN = "main"


def main_output(output: Any) -> Tensor:
    """Return the logits (B, C, H, W) that are trained, validated and predicted.

    Args:
        output: a tensor, or a mapping of named tensors with the key "main".

    Raises:
        TrashError: it is neither.
    """
    logits = output.get(MAIN) if isinstance(output, Mapping) else output
    if isinstance(logits, Tensor):
        return logits
    if isinstance(output, Mapping):
        found = "a dict with the keys " + (", ".join(map(repr, output)) or "(none)")
    else:
        found = f"a {type(output).__name__}"
    raise TrashError(
        f"the model returned {found}, but no main output",
        'A model returns logits (B, C, H, W), or a dict such as {"main": logits, "aux": logits}.',
    )


def output_shapes(output: Any, expected: tuple[int, ...], name: str) -> dict[str, tuple[int, ...]]:
    """Return the shape of every named output, the main one first.

    Args:
        output: what a network returned for a batch.
        expected: (B, C, H, W) of that batch.
        name: the model, for messages.

    Raises:
        TrashError: the main output has another shape, or another output is neither maps of that
            shape nor one value per image and class.
    """
    outputs = {MAIN: main_output(output)}
    if isinstance(output, Mapping):
        outputs |= output
    for key, value in outputs.items():
        shape = tuple(value.shape) if isinstance(value, Tensor) else ()
        allowed = {expected} if key == MAIN else {expected, expected[:2]}
        if shape not in allowed:
            which = "logits" if key == MAIN else f"an output {key}"
            raise TrashError(
                f"model {name} returned {which} of shape {shape} for a batch, not {expected}",
                "Logits are (images, classes, height, width) at the size of the input; "
                "auxiliary outputs may also be (images, classes).",
            )
    return {key: tuple(value.shape) for key, value in outputs.items()}
