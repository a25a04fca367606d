"""Weights & Biases as a tracker."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import wandb

from toolkit import TrashError
from toolkit.plugin.interfaces import IGNORE_INDEX
from toolkit.plugin.tracker import RunEnd, TrackedRun, WorstImage

_GROUPS = {"step": "step", "epoch": "epoch", "metric": "epoch", "iou": "epoch"}
"""Prefix of figures -> the figure that they lie over."""


class WandbTracker:
    """Makes a run of Weights & Biases, which is continued when the run is.

    Args:
        run_dir: folder of the run; the files lie in `wandb/` there.
        class_names: of the labels.
        project: where runs are listed; "" = the name of the project folder.
        entity: the team or user; "" = that of who is logged in.
        mode: "offline" or "online"; None = by WANDB_MODE, else offline.
    """

    def __init__(
        self,
        run_dir: Path,
        class_names: Sequence[str],
        *,
        project: str,
        entity: str,
        mode: str | None,
    ) -> None:
        self._folder = run_dir
        self._project = project
        self._entity = entity
        self._mode = mode or os.environ.get("WANDB_MODE") or "offline"
        self._labels = {**dict(enumerate(class_names)), IGNORE_INDEX: "does not count"}

    def run_started(self, run: TrackedRun) -> None:
        """Begin the run, with the recipe as its configuration.

        Raises:
            TrashError: it is to go online, and nobody is logged in.
        """
        # It would ask for a key on the terminal, and wait.
        if self._mode == "online" and not wandb.login(prompt=False, verify=False):
            raise TrashError("nobody is logged in to Weights & Biases: run `wandb login`")
        self._run = wandb.init(
            project=self._project or run.project,
            entity=self._entity or None,
            name=run.name,
            id=run.id,
            group=run.group,
            notes=run.title,
            dir=str(self._folder),
            config={**run.recipe, "author": run.author},
            mode=self._mode,
            resume="allow",
            reinit="create_new",
            # It would take over the terminal, and ask git by what a clone configures.
            settings=wandb.Settings(
                console="off", silent=True, disable_git=True, disable_code=True
            ),
        )
        for group, axis in _GROUPS.items():
            self._run.define_metric(f"{group}/*", step_metric=axis)

    def log_step(self, step: int, figures: Mapping[str, float]) -> None:
        """Log the figures of a step."""
        self._run.log({"step": step, **_grouped("step", figures)})

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Log the figures of an epoch."""
        self._run.log({"epoch": epoch, **_grouped("epoch", figures)})

    def log_scores(
        self, epoch: int, metrics: Mapping[str, float], class_iou: Mapping[str, float]
    ) -> None:
        """Log the scores of an epoch."""
        scores = {**_grouped("metric", metrics), **_grouped("iou", class_iou)}
        self._run.log({"epoch": epoch, **scores})

    def log_images(self, images: Sequence[WorstImage]) -> None:
        """Log the worst images, with truth and prediction to be switched on and off."""
        self._run.log({"worst": [self._image(each) for each in images]})

    def _image(self, image: WorstImage) -> wandb.Image:
        layers = {"truth": image.truth, "prediction": image.prediction}
        masks = {
            name: {"mask_data": labels, "class_labels": self._labels}
            for name, labels in layers.items()
        }
        caption = f"{image.name} {image.score:.4f}"
        return wandb.Image(image.photo, caption=caption, masks=masks)

    def run_ended(self, end: RunEnd) -> None:
        """Write the scores into the summary, and end the run."""
        self._run.summary.update({**end.scores, "status": end.status, "error": end.error})
        self._run.finish(exit_code=0 if end.status == "finished" else 1)

    def close(self) -> None:
        """End the run, unless that is done."""
        self._run.finish()


def _grouped(group: str, figures: Mapping[str, float]) -> dict[str, float]:
    return {f"{group}/{name}": value for name, value in figures.items() if name != "epoch"}
