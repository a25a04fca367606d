"""The contract of a tracker."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np

from toolkit.plugin.tracker import (
    RunEnd,
    TrackedRun,
    TracksEnd,
    TracksImages,
    TracksScores,
    TracksStart,
    TracksSteps,
    WorstImage,
)
from toolkit.testing.contract import Rule, Subject, require

RECIPE = {
    "title": "",
    "seed": 1,
    "data": {"image_size": [48, 64], "test": None},
    "loss": {"name": "sum", "terms": [{"name": "ce"}, {"name": "dice", "weight": 0.5}]},
    "trackers": [],
}
STATUSES: tuple[Literal["finished", "failed", "interrupted"], ...] = (
    "finished",
    "failed",
    "interrupted",
)


@contextmanager
def _run_folder() -> Iterator[Path]:
    """Yield the folder of a run, `runs/NAME` in a project of its own."""
    with tempfile.TemporaryDirectory() as project:
        folder = Path(project) / "runs" / "tried-001"
        folder.mkdir(parents=True)
        yield folder


def _started(subject: Subject, folder: Path, finished_epochs: int = 0) -> Any:
    """Return a tracker that was told of the run, if it wants to know."""
    tracker = subject.build(folder)
    if isinstance(tracker, TracksStart):
        project = folder.parents[1].name
        name = f"{folder.name} of {project}"
        run = TrackedRun(
            folder.name,
            name.replace(" ", "-"),
            project=project,
            group="tried",
            title='A "title" <b>',
            author="김철수",
            folder=folder,
            recipe=RECIPE,
            finished_epochs=finished_epochs,
        )
        tracker.run_started(run)
    return tracker


def takes_figures(subject: Subject) -> None:
    """Takes the figures of each epoch, new ones and missing ones too, and closes."""
    with _run_folder() as folder:
        tracker = _started(subject, folder)
        tracker.log(1, {"loss": 1.5})
        tracker.log(2, {"loss": 0.5, "val_mean_iou": 0.25})
        tracker.log(3, {"loss": math.nan})
        tracker.close()


def continues(subject: Subject) -> None:
    """Can be made again in the folder of an interrupted run and repeat its last epoch."""
    with _run_folder() as folder:
        first = _started(subject, folder)
        first.log(1, {"loss": 1.5})
        first.log(2, {"loss": 1.0})
        first.close()
        second = _started(subject, folder, finished_epochs=1)
        second.log(2, {"loss": 0.9})
        second.log(3, {"loss": 0.8})
        second.close()


def leaves_inputs(subject: Subject) -> None:
    """Leaves the figures as they were: other trackers receive them, too."""
    figures = {"loss": 1.5, "val_mean_iou": 0.25}
    with _run_folder() as folder:
        tracker = _started(subject, folder)
        tracker.log(1, figures)
        tracker.close()
    require(figures == {"loss": 1.5, "val_mean_iou": 0.25}, "it changed the figures in place")


def takes_the_rest(subject: Subject) -> None:
    """Takes steps, scores, pictures and the end, as far as it has methods for them."""
    for status in STATUSES:
        with _run_folder() as folder:
            tracker = _started(subject, folder)
            if isinstance(tracker, TracksSteps):
                tracker.log_step(1, {"loss": 1.5, "lr": 0.1})
                tracker.log_step(26, {"loss": math.nan, "lr": 0.1, "norm": math.inf})
            tracker.log(1, {"loss": 1.5})
            if isinstance(tracker, TracksScores):
                tracker.log_scores(1, {"miou": 0.25}, {"Paper": 0.5, "종이 <b>/#%": 0.0})
            if isinstance(tracker, TracksImages):
                tracker.log_images([_image("val/1.png"), _image("../종이 #1.jpg")])
            if isinstance(tracker, TracksEnd):
                scores = {"validation/miou": 0.25, "best_epoch": 1} if status == "finished" else {}
                tracker.run_ended(RunEnd(status, scores, "broke" if status == "failed" else ""))
            tracker.close()


def _image(name: str) -> WorstImage:
    photo = np.zeros((6, 8, 3), np.uint8)
    labels = np.zeros((6, 8), np.uint8)
    return WorstImage(name, 0.1, photo, labels, labels, np.concatenate([photo] * 3, axis=1))


RULES: tuple[Rule, ...] = (takes_figures, continues, leaves_inputs, takes_the_rest)
