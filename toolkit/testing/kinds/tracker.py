"""The contract of a tracker."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

from toolkit.testing.contract import Rule, Subject, require


def takes_figures(subject: Subject) -> None:
    """Takes the figures of each epoch, new ones and missing ones too, and closes."""
    with tempfile.TemporaryDirectory() as folder:
        tracker = subject.build(Path(folder))
        tracker.log(1, {"loss": 1.5})
        tracker.log(2, {"loss": 0.5, "val_mean_iou": 0.25})
        tracker.log(3, {"loss": math.nan})
        tracker.close()


def continues(subject: Subject) -> None:
    """Can be made again in the folder of an interrupted run and repeat its last epoch."""
    with tempfile.TemporaryDirectory() as folder:
        first = subject.build(Path(folder))
        first.log(1, {"loss": 1.5})
        first.log(2, {"loss": 1.0})
        first.close()
        second = subject.build(Path(folder))
        second.log(2, {"loss": 0.9})
        second.log(3, {"loss": 0.8})
        second.close()


def leaves_inputs(subject: Subject) -> None:
    """Leaves the figures as they were: other trackers receive them, too."""
    figures = {"loss": 1.5, "val_mean_iou": 0.25}
    with tempfile.TemporaryDirectory() as folder:
        tracker = subject.build(Path(folder))
        tracker.log(1, figures)
        tracker.close()
    require(figures == {"loss": 1.5, "val_mean_iou": 0.25}, "it changed the figures in place")


RULES: tuple[Rule, ...] = (takes_figures, continues, leaves_inputs)
