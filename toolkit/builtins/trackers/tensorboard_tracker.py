"""TensorBoard as a tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from toolkit.plugin.tracker import RunEnd, TrackedRun, WorstImage


class TensorBoardTracker:
    """Writes event files; the figures of steps lie over steps, all others over epochs.

    Args:
        folder: of the event files.
        steps_per_epoch: of the training.
    """

    def __init__(self, folder: Path, steps_per_epoch: int) -> None:
        self._folder = folder
        self._steps_per_epoch = steps_per_epoch

    def run_started(self, run: TrackedRun) -> None:
        """Begin a file, with the recipe as text."""
        done = run.finished_epochs * self._steps_per_epoch
        # TensorBoard then forgets the steps of an epoch that was cut and is done again.
        self._writer = SummaryWriter(str(self._folder), purge_step=done + 1 if done else None)
        lines = [f"{run.title or run.name}, {run.author}", ""]
        lines += [f"    {key} = {value}" for key, value in run.flat_recipe.items()]
        self._writer.add_text("recipe", "\n".join(lines), run.finished_epochs)

    def log_step(self, step: int, figures: Mapping[str, float]) -> None:
        """Write the figures of a step."""
        self._add("step", figures, step)

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Write the figures of an epoch, so that a browser sees them now."""
        self._add("epoch", {k: v for k, v in figures.items() if k != "epoch"}, epoch)
        self._writer.flush()

    def log_scores(
        self, epoch: int, metrics: Mapping[str, float], class_iou: Mapping[str, float]
    ) -> None:
        """Write the scores of an epoch."""
        self._add("metric", metrics, epoch)
        self._add("iou", class_iou, epoch)

    def log_images(self, images: Sequence[WorstImage]) -> None:
        """Write the worst images: photo, truth and prediction side by side."""
        for place, image in enumerate(images, start=1):
            tag = f"worst/{place:02d} {image.name} {image.score:.4f}"
            self._writer.add_image(tag, image.panel, dataformats="HWC")

    def run_ended(self, end: RunEnd) -> None:
        """Write how the run ended."""
        lines = [f"    {name} = {score}" for name, score in end.scores.items()]
        self._writer.add_text("end", "\n".join([f"{end.status} {end.error}", "", *lines]))

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()

    def _add(self, group: str, figures: Mapping[str, float], step: int) -> None:
        for name, value in figures.items():
            self._writer.add_scalar(f"{group}/{name}", value, step)
