"""What a key of the recipe changes: `recipe/schema.py` alone says it, beside every key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Changed = Literal["training", "content", "pseudo-labels", "prediction", "submission", "nothing"]
"""What the value of a key changes first; what comes later changes with it.

"training": the weights; a run with another value is another training.
"content": what is read: data, their orientation, checkpoints, teachers. It counts by its own
digest, wherever it lies.
"pseudo-labels": which labels unlabelled images get; they count by the key of their stage.
"prediction": the probability maps of a trained network.
"submission": the leaderboard file made from these maps, and its score.
"nothing": where and how fast something runs, what is refused, kept or shown.
"""

AS_WRITTEN: Final = object()
"""In place of a value under `--smoke`, `--limit` or `--overfit`: the recipe's own."""


@dataclass(frozen=True)
class Effect:
    """Marks a key of the recipe, `Annotated[int, Effect("training")]`, or all keys of a table.

    Attributes:
        on: what the key's value changes.
        resumable: whether `--resume` goes on with a run that had another value, although the key
            changes the training. Keys that do not change it may always differ.
        of_network: whether the key describes the input of one network, so that `--set` does not
            change it for the recipes that this one needs, as it does for the other keys of `data`.
        smoke: the value under `--smoke`: AS_WRITTEN, a plain value, or a function of the value as
            written and of the `SmokeRun` that returns one of these.
        limit: the value under `--limit`: AS_WRITTEN or a plain value.
        overfit: the value under `--overfit`, likewise.
    """

    on: Changed
    resumable: bool = False
    of_network: bool = False
    smoke: Any = AS_WRITTEN
    limit: Any = AS_WRITTEN
    overfit: Any = AS_WRITTEN
