"""The validation images of a run: counted, predicted, and those that are worth a look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.contest import Contest
from toolkit.errors import UsageError
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.counts_file import SUFFIX, read_counts
from toolkit.metrics.scores import Metrics
from toolkit.predict.member import load_member
from toolkit.predict.members import choose_prediction_device
from toolkit.predict.predictor import find_store, predict_split
from toolkit.predict.store import ProbabilityStore
from toolkit.project import Project
from toolkit.recipe.schema import Recipe
from toolkit.submission.side_car import counts_path, side_car_path
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class Validation:
    """The validation images of a run, counted.

    Attributes:
        images: their names, in the order of the split.
        counts: of every image, see `Counting`.
        as_submitted: whether the labels are those of the submission, with views and
            postprocessing; else those of the epoch's validation.
    """

    images: tuple[str, ...]
    counts: NDArray[np.int64]
    as_submitted: bool


def find_validation(
    run: RunFolder, metrics: Metrics, images: tuple[str, ...] | None
) -> Validation | None:
    """Return the counts of the submission's labels, else those of the best epoch.

    Args:
        run: the run.
        metrics: of the contest.
        images: names of its validation images; None = they are not known here.

    Returns:
        None where neither is there any more, or where they are of other images.
    """
    submission: Mapping[str, Any] = run.manifest().get("result", {}).get("submission") or {}
    files = [(run.best.with_suffix(SUFFIX), False)]
    scores = (submission.get("validation") or {}).get("metrics", {})
    if metrics.deciding in scores:
        files.insert(0, (counts_path(submission_file(run, submission)), True))
    for file, as_submitted in files:
        try:
            found = read_counts(file)
        except UsageError:  # made by an older version, or deleted
            continue
        counts = found.counts("validation")
        if counts is None or images not in (None, found.sets["validation"].images):
            continue
        if metrics.boundary not in (None, found.sets["validation"].boundary):
            continue
        # The file may be of a later submission under the same name: the score tells.
        if not as_submitted or metrics.metric(counts).score == scores[metrics.deciding]:
            return Validation(found.sets["validation"].images, counts, as_submitted)
    return None


def submission_file(run: RunFolder, submission: Mapping[str, Any]) -> Path:
    """Return where the submission of a run is, also of a project that was moved since.

    Args:
        run: the run.
        submission: as its manifest holds it.
    """
    path = Path(submission["path"])
    if counts_path(path).is_file() or side_car_path(path).is_file():
        return path
    return Project(run.path.resolve().parents[1]).submissions / path.name


def validation_store(
    workspace: Workspace,
    run: RunFolder,
    recipe: Recipe,
    contest: Contest,
    *,
    predicts: bool,
    device: str | None,
) -> ProbabilityStore | None:
    """Return the maps of a run's validation images.

    Args:
        workspace: the project, its components, and who is told what happens.
        run: the run.
        recipe: that of its checkpoint.
        contest: its data.
        predicts: whether they are predicted where that was not done before.
        device: where; default: what the recipe allows.

    Returns:
        None if they are not there and not to be predicted.
    """
    member = load_member(run.best, workspace.registry, choose_prediction_device(recipe, device))
    cache, number = workspace.project.cache, recipe.predict.store
    store = find_store(member, contest.val, cache=cache, store=number)
    if store is None and predicts:
        return predict_split(
            member, contest.val, cache=cache, store=number, progress=workspace.progress
        )
    return store


def worst_first(merits: NDArray[np.float64]) -> list[int]:
    """Return the positions of the images that have a score, the worst first.

    Args:
        merits: scores so that larger is better, (images,), NaN = it has none.
    """
    order = np.argsort(merits, kind="stable")[: np.count_nonzero(~np.isnan(merits))]
    return [int(row) for row in order]
