"""What trackers may hear beyond the figures of each epoch; imports no torch and no numpy.

Every tracker is a `toolkit.plugin.interfaces.Tracker`; the protocols below are optional, and one
object may be several of them. The calls come from one thread, in the order in which things
happened: `run_started`, then of each epoch `log_step`, `log` and `log_scores`, at the end
`log_images`, `run_ended`, `close`. Neither a mistake nor a wait in any of them reaches the
training: see `toolkit.train.tracking`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TrackedRun:
    """What is known of a run when it starts.

    Attributes:
        name: of its folder, as in "unetpp_pseudo-001"; two members may have runs of one name.
        id: letters, digits, `-` and `_` that no other run of the team has; the same when the run is
            continued.
        project: name of the project's folder.
        group: name of the recipe, which its runs share.
        title: of the recipe.
        author: who runs it.
        folder: of the run.
        recipe: every value of the recipe, tables in tables, with the defaults of its components.
        finished_epochs: that the run has already; more than 0 when it is continued.
    """

    name: str
    id: str
    project: str = ""
    group: str = ""
    title: str = ""
    author: str = ""
    folder: Path = Path()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    finished_epochs: int = 0

    def continued(self, finished_epochs: int) -> TrackedRun:
        """Return the same run with this number of finished epochs."""
        return replace(self, finished_epochs=finished_epochs)

    @property
    def flat_recipe(self) -> dict[str, Any]:
        """The values of the recipe by dotted keys; what has no value is left out."""
        return {key: value for key, value in _flat(self.recipe, "") if value is not None}


def _flat(values: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flat(value, f"{prefix}{key}.")
    elif isinstance(values, list | tuple) and any(isinstance(each, Mapping) for each in values):
        for number, value in enumerate(values):
            yield from _flat(value, f"{prefix}{number}.")
    else:
        yield prefix.removesuffix("."), values


@dataclass(frozen=True)
class WorstImage:
    """A validation image with one of the worst scores, reduced to the size of a page.

    Attributes:
        name: its `file_name`.
        score: its score by the metric that decides.
        photo: uint8 RGB (H, W, 3).
        truth: uint8 (H, W) labels; 255 does not count.
        prediction: uint8 (H, W) labels.
        panel: uint8 RGB (H, 3 W, 3): photo, truth and prediction side by side, in colours.
    """

    name: str
    score: float
    photo: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    prediction: NDArray[np.uint8]
    panel: NDArray[np.uint8]


@dataclass(frozen=True)
class RunEnd:
    """How a run ended.

    Attributes:
        status: "finished", "failed" or "interrupted".
        scores: of a finished run, as in {"validation/miou": 0.7, "test/miou": 0.68}.
        error: why it failed; empty otherwise.
    """

    status: Literal["finished", "failed", "interrupted"]
    scores: Mapping[str, float] = field(default_factory=dict)
    error: str = ""


@runtime_checkable
class TracksStart(Protocol):
    """A tracker that is told what runs."""

    def run_started(self, run: TrackedRun) -> None: ...


@runtime_checkable
class TracksSteps(Protocol):
    """A tracker that receives figures within an epoch, of at most 100 steps of each.

    `step` counts the optimiser steps of the run from 1. Figures: "loss", the mean since the last
    ones, "lr", and "norm" where gradients are clipped.
    """

    def log_step(self, step: int, figures: Mapping[str, float]) -> None: ...


@runtime_checkable
class TracksScores(Protocol):
    """A tracker that receives all scores of each epoch that was validated.

    By the name of the metric, and the IoU by the name of the class; without those that there are
    not.
    """

    def log_scores(
        self, epoch: int, metrics: Mapping[str, float], class_iou: Mapping[str, float]
    ) -> None: ...


@runtime_checkable
class TracksImages(Protocol):
    """A tracker that receives the validation images with the worst scores, the worst first.

    They come once, when the run is done, if its validation images were predicted for a submission.
    """

    def log_images(self, images: Sequence[WorstImage]) -> None: ...


@runtime_checkable
class TracksEnd(Protocol):
    """A tracker that is told how the run ended; a process that is killed tells nobody."""

    def run_ended(self, end: RunEnd) -> None: ...
