"""What a network returns: logits, or several named outputs of which `main` counts."""

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
