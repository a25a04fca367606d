"""Mistakes in a metric that nothing else would tell: each breaks one rule of the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.testing.contract_pieces import registry_with
from toolkit import MetricScore
from toolkit.testing.contract import examine

Counts = NDArray[np.int64]


class Accuracy:
    """The share of the pixels that are right, as it should be."""

    larger_is_better: Any = True
    scores_total = True

    def __init__(self, context: object = None) -> None: ...

    def __call__(self, counts: Counts) -> Any:
        total = counts.sum()
        return MetricScore(float(np.trace(counts.sum(0)) / total) if total else float("nan"))


class WrongWayRound(Accuracy):
    larger_is_better = False


class SaysNoDirection(Accuracy):
    larger_is_better = "yes"


class PlainNumber(Accuracy):
    def __call__(self, counts: Counts) -> Any:
        return super().__call__(counts).score


class FirstImageCountsDouble(Accuracy):
    scores_total = False

    def __call__(self, counts: Counts) -> Any:
        return super().__call__(np.concatenate([counts[:1], counts]))


class EmptyIsRight(Accuracy):
    def __call__(self, counts: Counts) -> Any:
        found = super().__call__(counts)
        return found if counts.sum() else MetricScore(1.0)


class EmptyImagesCount(Accuracy):
    scores_total = False

    def __call__(self, counts: Counts) -> Any:
        if not counts.sum():
            return MetricScore(float("nan"))
        return MetricScore(
            float(
                np.mean(
                    [
                        super(EmptyImagesCount, self).__call__(each[None]).score
                        if each.sum()
                        else 1.0
                        for each in counts
                    ]
                )
            )
        )


class Overflows(Accuracy):
    def __call__(self, counts: Counts) -> Any:
        total = counts.sum(0).astype(np.int32)
        with np.errstate(all="ignore"):
            pixels = total.sum(dtype=np.int32)
            right = np.trace(total, dtype=np.int32)
        return MetricScore(float(right / pixels) if counts.sum() else float("nan"))


class MeanOfImagesThatSaysTotal(Accuracy):
    def __call__(self, counts: Counts) -> Any:
        scores = [
            super(MeanOfImagesThatSaysTotal, self).__call__(each[None]).score
            for each in counts
            if each.sum()
        ]
        return MetricScore(float(np.mean(scores)) if scores else float("nan"))


class ChangesCounts(Accuracy):
    def __call__(self, counts: Counts) -> Any:
        found = super().__call__(counts)
        counts[:] = 0
        return found


@pytest.mark.parametrize(
    ("factory", "rule"),
    [
        (WrongWayRound, "Scores better the more pixels are right, in the direction that it says"),
        (SaysNoDirection, "Returns a float, and float64 (C,) or None for the classes; says which"),
        (PlainNumber, "Returns a float, and float64 (C,) or None for the classes; says which"),
        (FirstImageCountsDouble, "Scores the same in whatever order the images come"),
        (EmptyIsRight, "Is NaN where no pixel is counted; images without counted pixels change"),
        (
            EmptyImagesCount,
            "Is NaN where no pixel is counted; images without counted pixels change",
        ),
        (Overflows, "Scores large images as small ones: counts are int64 and their sums pass 2³¹"),
        (MeanOfImagesThatSaysTotal, "Scores the sum of the images as the images, if it says that"),
        (ChangesCounts, "Leaves the counts as they were"),
    ],
)
def test_a_mistake_is_found(factory: Callable[..., Any], rule: str) -> None:
    def make(context: object) -> Any:
        return factory(context)

    report = examine("metric", "broken", registry_with("metric", make))
    assert any(finding.rule.startswith(rule) for finding in report.findings), report.findings


def test_one_without_a_mistake_keeps_it() -> None:
    def make(context: object) -> Any:
        return Accuracy(context)

    assert examine("metric", "broken", registry_with("metric", make)).findings == ()
