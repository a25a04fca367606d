"""trackio as a tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import trackio

from toolkit.plugin.tracker import RunEnd, TrackedRun, WorstImage


class TrackioTracker:
    """Makes a run of trackio, which is continued when the run is; all figures lie over steps.

    Args:
        steps_per_epoch: of the training.
        project: where runs are listed; "" = the name of the project folder.
    """

    def __init__(self, steps_per_epoch: int, project: str) -> None:
        self._steps_per_epoch = steps_per_epoch
        self._project = project

    def run_started(self, run: TrackedRun) -> None:
        """Begin the run, with the recipe as its configuration."""
        self._step = run.finished_epochs * self._steps_per_epoch
        self._run = trackio.init(
            self._project or run.project,
            name=run.name,
            group=run.group,
            config={**run.flat_recipe, "author": run.author},
            resume="allow" if run.finished_epochs else "never",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def log_step(self, step: int, figures: Mapping[str, float]) -> None:
        """Log the figures of a step."""
        self._step = step
        self._log("step", figures)

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Log the figures of an epoch."""
        self._step = epoch * self._steps_per_epoch
        self._log("epoch", figures)

    def log_scores(
        self, epoch: int, metrics: Mapping[str, float], class_iou: Mapping[str, float]
    ) -> None:
        """Log the scores of an epoch."""
        self._log("metric", metrics)
        self._log("iou", class_iou)

    def log_images(self, images: Sequence[WorstImage]) -> None:
        """Log the worst images: photo, truth and prediction side by side."""
        for place, image in enumerate(images, start=1):
            picture = trackio.Image(image.panel, caption=f"{image.name} {image.score:.4f}")
            self._run.log({f"worst/{place:02d}": picture}, step=self._step)

    def run_ended(self, end: RunEnd) -> None:
        """Log the scores."""
        self._log("end", end.scores)

    def close(self) -> None:
        """Write what is left."""
        self._run.finish()

    def _log(self, group: str, figures: Mapping[str, float]) -> None:
        values = {f"{group}/{name}": value for name, value in figures.items()}
        if values:
            self._run.log(values, step=self._step)
