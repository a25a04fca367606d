"""The finished epochs of a training: which one is the best, and whether patience has run out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class History:
    """The figures of every finished epoch; the best epoch and the end of patience follow.

    Attributes:
        epochs: one record per epoch, as in metrics.jsonl.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last_epoch(self) -> int:
        """Number of the last finished epoch, 0 at the beginning."""
        return len(self.epochs)

    @property
    def best(self) -> dict[str, Any] | None:
        """Record with the highest validation mIoU; of equal ones the earliest."""
        validated = self._validated_epochs()
        return max(validated, key=lambda record: record["val_miou"]) if validated else None

    def is_stale(self, patience: int) -> bool:
        """Return whether `patience` epochs have passed without a better validation mIoU."""
        best = self.best
        if not patience or best is None:
            return False
        return bool(self._validated_epochs()[-1]["epoch"] - best["epoch"] >= patience)

    def _validated_epochs(self) -> list[dict[str, Any]]:
        return [record for record in self.epochs if record["val_miou"] is not None]
