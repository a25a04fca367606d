"""Whether a network learns a few batches by heart: the verdict of `--overfit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.recipe.trial import OVERFIT_EPOCHS

KNOWN_BY_HEART = 0.8
"""mIoU on the images that were trained on, from which on a network has learnt them."""

NEARLY_ALL, HALF, A_LITTLE = 0.9, 0.5, 0.1
"""Shares of the first training loss that are gone."""

ALIKE = 0.5
"""At least this share of what training took off the loss is off it as the network predicts, too."""

LEARNS = "it learns"
OTHERWISE_IN_TRAINING = (
    "it learns, but predicts otherwise than it was trained: batch normalisation has the statistics "
    "of few or small batches, or drop-out is strong. Try a larger train.batch_size, or more steps: "
    "--set train.epochs={more}"
)
SLOWLY = (
    "it learns slowly. More steps show whether it goes on: --set train.epochs={more}; a higher "
    "optimizer.lr may be enough"
)
TOO_FEW = "{epochs} of the {usual} epochs of this trial tell nothing: leave out --set train.epochs"
_LEAST = 5
"""Epochs from which on a loss that has not fallen says something."""
NOT = (
    "it does not learn. Look at optimizer.lr (try ten times as much, then a tenth), at "
    "train.clip_norm, at the loss and the network (trash plugin check NAME), and at layers whose "
    "learning rate is 0"
)


@dataclass(frozen=True)
class Learning:
    """How a network learnt the images that it was also validated on.

    Attributes:
        epochs: number of epochs.
        first_loss: mean training loss of the first epoch.
        last_loss: mean training loss of the last epoch.
        validation_loss: loss after it, as the network predicts.
        miou: mIoU after it.
    """

    epochs: int
    first_loss: float
    last_loss: float
    validation_loss: float
    miou: float

    @classmethod
    def of(cls, records: Sequence[Mapping[str, Any]]) -> Learning:
        """Return what the records of all epochs say, of which the last was validated."""
        first, last = records[0], records[-1]
        return cls(
            len(records),
            first["train_loss"],
            last["train_loss"],
            last["val_loss"],
            last["val_miou"],
        )

    @property
    def fallen(self) -> float:
        """Share of the first loss that is gone; negative if it has grown."""
        fallen = self.first_loss - self.last_loss
        return fallen / abs(self.first_loss) if self.first_loss else 0.0

    @property
    def verdict(self) -> str:
        """What that means, and what to look at."""
        fallen = self.first_loss - self.last_loss
        alike = self.first_loss - self.validation_loss >= ALIKE * fallen
        # Of thin or tiny objects a mIoU of 0.8 takes more steps than a loss that is nearly gone.
        if self.miou >= KNOWN_BY_HEART or (alike and self.fallen >= NEARLY_ALL):
            return LEARNS
        if self.fallen >= HALF and not alike:
            return OTHERWISE_IN_TRAINING.format(more=3 * self.epochs)
        if self.fallen >= A_LITTLE:
            return SLOWLY.format(more=3 * self.epochs)
        if self.epochs < _LEAST:
            return TOO_FEW.format(epochs=self.epochs, usual=OVERFIT_EPOCHS)
        return NOT

    def as_json(self) -> dict[str, Any]:
        """Return the figures and the verdict as plain values."""
        return {
            "epochs": self.epochs,
            "first_loss": self.first_loss,
            "last_loss": self.last_loss,
            "validation_loss": self.validation_loss,
            "miou": self.miou,
            "learns": self.verdict == LEARNS,
            "verdict": self.verdict,
        }
