"""The hooks that a plugin may implement; a plugin implements only those it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from toolkit.plugin.component import Component

if TYPE_CHECKING:
    import typer

PROJECT_NAME = "trash"
hookspec = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def trash_models() -> Sequence[Component]:
    """Segmentation networks."""
    raise NotImplementedError


@hookspec
def trash_augmentations() -> Sequence[Component]:
    """Augmentations of one training sample."""
    raise NotImplementedError


@hookspec
def trash_mixes() -> Sequence[Component]:
    """Augmentations that mix a training sample with another one of its batch."""
    raise NotImplementedError


@hookspec
def trash_losses() -> Sequence[Component]:
    """Training losses."""
    raise NotImplementedError


@hookspec
def trash_postprocessors() -> Sequence[Component]:
    """Steps between the combined probabilities and the labels."""
    raise NotImplementedError


@hookspec
def trash_optimizers() -> Sequence[Component]:
    """Optimisers."""
    raise NotImplementedError


@hookspec
def trash_schedulers() -> Sequence[Component]:
    """Learning-rate schedules."""
    raise NotImplementedError


@hookspec
def trash_views() -> Sequence[Component]:
    """Test-time augmentations with their inverses."""
    raise NotImplementedError


@hookspec
def trash_ensemblers() -> Sequence[Component]:
    """Ways to combine the members' probability maps."""
    raise NotImplementedError


@hookspec
def trash_selectors() -> Sequence[Component]:
    """Rules that decide which predictions become pseudo-labels."""
    raise NotImplementedError


@hookspec
def trash_metrics() -> Sequence[Component]:
    """Metrics, one of which decides what is best."""
    raise NotImplementedError


@hookspec
def trash_readers() -> Sequence[Component]:
    """Formats of images and annotations, one of which `data.format` names."""
    raise NotImplementedError


@hookspec
def trash_submission_formats() -> Sequence[Component]:
    """Leaderboard file formats."""
    raise NotImplementedError


@hookspec
def trash_trackers() -> Sequence[Component]:
    """Experiment trackers."""
    raise NotImplementedError


@hookspec
def trash_run_started(run_dir: Path, recipe: Mapping[str, Any]) -> None:
    """A run begins: its folder exists; `recipe` is the resolved recipe as plain values."""


@hookspec
def trash_epoch_finished(run_dir: Path, epoch: int, figures: Mapping[str, float]) -> None:
    """An epoch, counted from 1, is trained and validated; `figures`: its losses and scores."""


@hookspec
def trash_run_finished(run_dir: Path, result: Mapping[str, Any]) -> None:
    """A run ended well; `result`: the paths and scores that `trash recipe run --json` prints."""


@hookspec
def trash_submission_written(path: Path, side_car: Mapping[str, Any]) -> None:
    """A submission file was written and validated; `side_car` is the JSON beside it."""


@hookspec
def trash_commands(app: typer.Typer) -> None:
    """Add commands to the `trash` command line."""
