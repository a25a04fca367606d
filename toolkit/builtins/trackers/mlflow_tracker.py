"""MLflow as a tracker."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow.entities import Metric, Param, Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from toolkit.files import digest_of
from toolkit.plugin.tracker import RunEnd, TrackedRun, WorstImage

_RUN_TAG = "trash.run"
_MOST_PARAMS = 100
"""Parameters that a server takes at once."""
_LONGEST_VALUE = 500
"""Letters of a parameter that every server takes."""
_ENDINGS = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


class MlflowTracker:
    """Makes a run of MLflow, which is continued when the run is.

    Args:
        run_dir: folder of the run.
        uri: of a server or folder; "" = by MLFLOW_TRACKING_URI, else `mlruns` of the project.
        experiment: where runs are listed; "" = the name of the project folder.
    """

    def __init__(self, run_dir: Path, *, uri: str, experiment: str) -> None:
        uri = uri or os.environ.get("MLFLOW_TRACKING_URI", "")
        uri = uri or (run_dir.resolve().parents[1] / "mlruns").as_uri()
        if uri.startswith("file:") or "://" not in uri:
            # MLflow asks for this word before it writes files, which it no longer recommends.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        self._client = MlflowClient(tracking_uri=uri)
        self._experiment = experiment

    def run_started(self, run: TrackedRun) -> None:
        """Begin the run or continue it, with the values of the recipe as its parameters."""
        experiment = self._experiment_id(self._experiment or run.project)
        found = self._client.search_runs(
            [experiment], f"tags.`{_RUN_TAG}` = '{run.id}'", max_results=1
        )
        made: Run
        if found:
            made = found[0]
            self._client.update_run(made.info.run_id, status="RUNNING")
        else:
            tags = {
                _RUN_TAG: run.id,
                "trash.author": run.author,
                "trash.recipe": run.group,
                "mlflow.note.content": run.title,
            }
            made = self._client.create_run(experiment, tags=tags, run_name=run.name)
        self._id = made.info.run_id
        # A parameter cannot be changed: of a longer run the first number of epochs stays.
        known = made.data.params
        params = [
            Param(_name(key), str(value)[:_LONGEST_VALUE])
            for key, value in run.flat_recipe.items()
            if _name(key) not in known
        ]
        for begin in range(0, len(params), _MOST_PARAMS):
            self._client.log_batch(self._id, params=params[begin : begin + _MOST_PARAMS])

    def _experiment_id(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name))
            except MlflowException:  # another process was faster
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def log_step(self, step: int, figures: Mapping[str, float]) -> None:
        """Log the figures of a step."""
        self._log("step", figures, step)

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Log the figures of an epoch."""
        self._log("epoch", {k: v for k, v in figures.items() if k != "epoch"}, epoch)

    def log_scores(
        self, epoch: int, metrics: Mapping[str, float], class_iou: Mapping[str, float]
    ) -> None:
        """Log the scores of an epoch."""
        self._log("metric", metrics, epoch)
        self._log("iou", class_iou, epoch)

    def log_images(self, images: Sequence[WorstImage]) -> None:
        """Keep the worst images as files: photo, truth and prediction side by side."""
        for place, image in enumerate(images, start=1):
            stem = re.sub(r"[^\w.-]", "_", Path(image.name).stem)
            file = f"worst/{place:02d}_{image.score:.4f}_{stem}.png"
            self._client.log_image(self._id, image.panel, file)

    def run_ended(self, end: RunEnd) -> None:
        """Log the scores, and end the run."""
        self._log("end", end.scores, 0)
        if end.error:
            self._client.set_tag(self._id, "trash.error", end.error)
        self._client.set_terminated(self._id, _ENDINGS[end.status])

    def close(self) -> None:
        """Do nothing: every figure is written already."""

    def _log(self, group: str, figures: Mapping[str, float], step: int) -> None:
        now = int(time.time() * 1000)
        metrics = [
            Metric(_name(f"{group}/{name}"), value, now, step) for name, value in figures.items()
        ]
        self._client.log_batch(self._id, metrics=metrics)


def _name(text: str) -> str:
    """Return a name as MLflow takes it; two that differ stay two."""
    plain = re.sub(r"[^\w.\- :/]", "_", text)
    return plain if plain == text else f"{plain} {digest_of(text)[:4]}"
