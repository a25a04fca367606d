"""Experiment trackers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from toolkit import Component, Context, hookimpl
from toolkit.builtins.trackers.csv_tracker import CsvTracker
from toolkit.plugin.component import Package
from toolkit.plugin.interfaces import Tracker


def csv(context: Context, run_dir: Path) -> Tracker:
    """Write the figures of every epoch to `metrics.csv` in the run folder.

    Args:
        run_dir: folder of the run.
    """
    return CsvTracker(run_dir / "metrics.csv")


def tensorboard(context: Context, run_dir: Path) -> Tracker:
    """Write event files to `tensorboard/` in the run folder: `tensorboard --logdir runs`.

    Args:
        run_dir: folder of the run.
    """
    from toolkit.builtins.trackers.tensorboard_tracker import TensorBoardTracker

    return TensorBoardTracker(run_dir / "tensorboard", context.steps_per_epoch)


def wandb(
    context: Context,
    run_dir: Path,
    *,
    project: str = "",
    entity: str = "",
    mode: Literal["offline", "online"] | None = None,
) -> Tracker:
    """Make a run of Weights & Biases, with its files in `wandb/` in the run folder.

    Args:
        run_dir: folder of the run.
        project: where runs are listed; default: the name of the project folder.
        entity: the team or user; default: that of who is logged in.
        mode: "offline" sends nothing, `wandb sync` does so later. Default: what the environment
            variable WANDB_MODE says, else "offline".
    """
    from toolkit.builtins.trackers.wandb_tracker import WandbTracker

    return WandbTracker(run_dir, context.class_names, project=project, entity=entity, mode=mode)


def mlflow(context: Context, run_dir: Path, *, uri: str = "", experiment: str = "") -> Tracker:
    """Make a run of MLflow.

    Args:
        run_dir: folder of the run.
        uri: of a tracking server, or of a folder (file:///…). Default: the environment variable
            MLFLOW_TRACKING_URI, else the folder `mlruns` of the project.
        experiment: where runs are listed; default: the name of the project folder.
    """
    from toolkit.builtins.trackers.mlflow_tracker import MlflowTracker

    return MlflowTracker(run_dir, uri=uri, experiment=experiment)


def trackio(context: Context, run_dir: Path, *, project: str = "") -> Tracker:
    """Make a run of trackio, in its folder on this machine: `trackio show`.

    Args:
        run_dir: folder of the run.
        project: where runs are listed; default: the name of the project folder.
    """
    from toolkit.builtins.trackers.trackio_tracker import TrackioTracker

    return TrackioTracker(context.steps_per_epoch, project)


@hookimpl
def trash_trackers() -> list[Component]:
    """Return the built-in trackers."""
    return [
        Component("csv", csv, "metrics.csv in the run folder, one row per epoch"),
        Component(
            "tensorboard",
            tensorboard,
            "TensorBoard: event files in the run folder",
            package=Package("tensorboard", "trash-toolkit[tensorboard]"),
        ),
        Component(
            "wandb",
            wandb,
            "Weights & Biases, offline unless told otherwise",
            package=Package("wandb", "trash-toolkit[wandb]"),
        ),
        Component(
            "mlflow",
            mlflow,
            "MLflow: a folder of the project, or a server",
            package=Package("mlflow", "trash-toolkit[mlflow]"),
        ),
        Component(
            "trackio",
            trackio,
            "trackio: a data base on this machine",
            package=Package("trackio", "trash-toolkit[trackio]"),
        ),
    ]
