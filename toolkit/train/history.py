"""The finished epochs of a training: which one is the best, and whether patience has run out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit.plugin.metric import DEFAULT_METRIC


@dataclass
class History:
    """The figures of every finished epoch; the best epoch and the end of patience follow.

    Attributes:
        epochs: one record per epoch, as in metrics.jsonl.
        larger_is_better: whether the recipe's metric is better the larger it is.
        validates: whether there are validation scores to choose by; else the last epoch is the
            best.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    larger_is_better: bool = True
    validates: bool = True

    @property
    def last_epoch(self) -> int:
        """Number of the last finished epoch, 0 at the beginning."""
        return len(self.epochs)

    @property
    def best(self) -> dict[str, Any] | None:
        """Record with the best validation score by the recipe's metric; of equal ones the first."""
        if not self.validates:
            return self.epochs[-1] if self.epochs else None
        validated = self._validated_epochs()
        choose = max if self.larger_is_better else min
        return choose(validated, key=validation_score) if validated else None

    def is_stale(self, patience: int) -> bool:
        """Return whether `patience` epochs have passed without a better validation score."""
        best = self.best
        if not patience or best is None or not self.validates:
            return False
        return bool(self._validated_epochs()[-1]["epoch"] - best["epoch"] >= patience)

    def _validated_epochs(self) -> list[dict[str, Any]]:
        return [record for record in self.epochs if record["val_miou"] is not None]


def validation_scores(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the validation scores of an epoch as the JSON files hold those of a submission."""
    metrics = record.get("val_metrics", {})
    return {
        "metric": record.get("metric", DEFAULT_METRIC),
        "metrics": metrics,
        "mean_iou": record["val_miou"],
    }


def validation_score(record: Mapping[str, Any]) -> float:
    """Return the validation score of an epoch by the metric that decides.

    Args:
        record: of a validated epoch; those of before recipes could name a metric hold the mIoU
            alone, which decided.
    """
    score: float = record["val_score"] if "val_score" in record else record["val_miou"]
    return score
