"""The page of a run: how it was trained, how good it is, and what it gets wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.data.contest import Contest, open_contest
from toolkit.data.masks import paint_mask
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.calibration import Calibration, CalibrationSums
from toolkit.metrics.counts_file import SUFFIX, read_counts
from toolkit.metrics.scores import Metrics, build_metrics, image_scores, metric_title
from toolkit.plugin.interfaces import Context
from toolkit.predict.member import load_member
from toolkit.predict.members import MemberRef, choose_prediction_device, prediction_recipe
from toolkit.predict.predictor import find_store, predict_split
from toolkit.predict.store import ProbabilityStore
from toolkit.recipe.schema import Recipe
from toolkit.report.class_figures import matrix_of
from toolkit.report.image_cards import ImageCard, image_cards
from toolkit.report.page import write_page
from toolkit.report.run_content import (
    Epochs,
    class_rows,
    curves,
    facts_of,
    recipe_text,
    reference_of,
    reliability,
    score_table,
    swatches,
    tiles_of,
    warnings_of,
)
from toolkit.submission.side_car import counts_path
from toolkit.workspace import Workspace

_WORST, _BEST, _DOUBTFUL = 16, 6, 10
"""Images that are shown, of each kind; one may be of several."""
_SAMPLED = 4096
"""Pixels of an image, about, whose probabilities are looked at, on a regular grid."""


@dataclass(frozen=True)
class Validation:
    """The validation images of a run, counted.

    Attributes:
        counts: of every image in the order of the split, see `Counting`.
        as_submitted: whether the labels are those of the submission, with views and
            postprocessing; else those of the epoch's validation.
    """

    counts: NDArray[np.int64]
    as_submitted: bool


@dataclass(frozen=True)
class Pictures:
    """What predicted probabilities tell, and the images that are shown.

    Attributes:
        calibration: of all validation images.
        cards: of some of them.
        n_images: of how many.
        views: that were predicted.
    """

    calibration: Calibration
    cards: tuple[ImageCard, ...]
    n_images: int
    views: str


def write_report_of_run(workspace: Workspace, run: RunFolder, contest: Contest) -> None:
    """Write the page of a run that has just ended, beside it, from what was predicted anyway.

    Args:
        workspace: the project, its components, and who is told what happens.
        run: the run.
        contest: its data.

    Raises:
        UsageError: as `write_run_report`.
    """
    recipe = prediction_recipe(MemberRef(run.best), workspace.project, None, None)
    _write(workspace, run, recipe, contest, run.report, predicts=False, device="cpu")


def write_run_report(
    workspace: Workspace,
    run: RunFolder,
    path: Path,
    *,
    data_root: Path | None = None,
    device: str | None = None,
) -> None:
    """Write the page of a run; validation images are predicted if they were not before.

    Args:
        workspace: the project, its components, and who is told what happens.
        run: the run; at least one epoch of it is finished.
        path: the HTML file.
        data_root: where the data lie on this machine; default: where the recipe says.
        device: where to predict; default: what the recipe allows.

    Raises:
        UsageError: the run has no finished epoch, or its checkpoint or data cannot be read.
    """
    if not run.best.is_file():
        raise _no_epoch(run)
    recipe = prediction_recipe(MemberRef(run.best), workspace.project, None, data_root)
    contest = open_contest(workspace, recipe.data)
    _write(workspace, run, recipe, contest, path, predicts=True, device=device)


def _write(
    workspace: Workspace,
    run: RunFolder,
    recipe: Recipe,
    contest: Contest,
    path: Path,
    *,
    predicts: bool,
    device: str | None,
) -> None:
    epochs = run.epochs()
    if not epochs:
        raise _no_epoch(run)
    context = Context(contest.class_names, recipe.data.image_size, recipe.data.ignore_index)
    metrics = build_metrics(workspace.registry, recipe.metric, context)
    validation, pictures = None, None
    if recipe.train.on != "all":
        validation = _validation(run, run.manifest(), metrics, contest.val)
    if validation is not None:
        member = load_member(run.best, workspace.registry, choose_prediction_device(recipe, device))
        cache, number = workspace.project.cache, recipe.predict.store
        store = find_store(member, contest.val, cache=cache, store=number)
        if store is None and predicts:
            store = predict_split(
                member, contest.val, cache=cache, store=number, progress=workspace.progress
            )
        if store is not None:
            pictures = _pictures(contest.val, store, validation, metrics, recipe.predict.views)
    write_page(path, "run.html", **_content(run, recipe, epochs, metrics, validation, pictures))


def _no_epoch(run: RunFolder) -> UsageError:
    return UsageError(
        f"{run.name} has no finished epoch: there is nothing to report",
        f"Go on with it: trash recipe run {run.manifest()['recipe']} --resume",
    )


def _content(
    run: RunFolder,
    recipe: Recipe,
    epochs: Epochs,
    metrics: Metrics,
    validation: Validation | None,
    pictures: Pictures | None,
) -> dict[str, Any]:
    """Return what the template shows."""
    manifest = run.manifest()
    counts = validation.counts if validation else None
    best = manifest.get("result", {}).get("best_epoch")
    columns, rows = score_table(manifest, metrics, counts)
    sections = [
        ("scores", "Scores", True),
        ("curves", "Curves", True),
        ("classes", "Classes", counts is not None),
        ("confusion", "Confusion", counts is not None),
        ("probabilities", "Probabilities", pictures is not None),
        ("images", "Images", pictures is not None),
        ("origin", "How it was made", True),
    ]
    return {
        "title": run.name,
        "what": "report of a run",
        "warnings": warnings_of(manifest, validation is not None, recipe.train.on != "all"),
        "sections": [(name, shown) for name, shown, there in sections if there],
        "footer": f"Written {now()} by trash {__version__} from runs/{run.name}.",
        "tiles": tiles_of(manifest, metrics, columns, rows, epochs),
        "score_columns": columns,
        "score_rows": rows,
        "score_note": _SUBMITTED if validation and validation.as_submitted else _TRAINED,
        "no_scores": "This training had no validation: nothing is known of its scores.",
        "reference": reference_of(recipe),
        "charts": curves(epochs, metrics, best),
        "class_rows": class_rows(
            counts, pictures.calibration if pictures else None, epochs, metrics.class_names
        ),
        "matrix": None if counts is None else matrix_of(counts),
        "swatches": swatches(metrics.class_names),
        "pictures": pictures,
        "reliability": reliability(pictures.calibration) if pictures else None,
        "deciding": metric_title(metrics.deciding),
        "larger_is_better": metrics.metric.larger_is_better,
        "facts": facts_of(manifest, recipe, epochs),
        "recipe_text": recipe_text(recipe),
    }


_SUBMITTED = (
    "Validation is scored as the submission is: with views and postprocessing, at the size of the "
    "leaderboard's file. ± is the standard error over images drawn again and again."
)
_TRAINED = (
    "Validation is that of the best epoch, at the size of the network's input. ± is the standard "
    "error over images drawn again and again."
)


def _validation(
    run: RunFolder, manifest: Mapping[str, Any], metrics: Metrics, split: Split
) -> Validation | None:
    """Return the counts of the submission's labels, else those of the best epoch."""
    submission = manifest.get("result", {}).get("submission") or {}
    files = [(run.best.with_suffix(SUFFIX), False)]
    scores = (submission.get("validation") or {}).get("metrics", {})
    if metrics.deciding in scores:
        files.insert(0, (counts_path(Path(submission["path"])), True))
    for file, as_submitted in files:
        try:
            found = read_counts(file)
        except UsageError:  # made by an older version, or deleted
            continue
        counts = found.counts("validation")
        if counts is None or found.sets["validation"].images != split.file_names:
            continue
        if metrics.boundary not in (None, found.sets["validation"].boundary):
            continue
        # The file may be of a later submission under the same name: the score tells.
        if not as_submitted or metrics.metric(counts).score == scores[metrics.deciding]:
            return Validation(counts, as_submitted)
    return None


def _pictures(
    split: Split, store: ProbabilityStore, validation: Validation, metrics: Metrics, views: str
) -> Pictures:
    sums = CalibrationSums(len(metrics.class_names), split.ignore_index)
    confidences = np.zeros(len(split))
    for row, record in enumerate(split.images):
        step = max(1, round((record.height * record.width / _SAMPLED) ** 0.5))
        probabilities = store.read(row, step)
        mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
        sums.add(probabilities, mask[::step, ::step])
        confidences[row] = probabilities.max(0).mean()
    scores = image_scores(metrics.metric, validation.counts)
    rows = _shown_rows(scores, confidences, metrics.metric.larger_is_better)
    cards = image_cards(split, store, rows, scores, confidences)
    return Pictures(sums.result(), tuple(cards), len(split), views)


def _shown_rows(
    scores: NDArray[np.float64], confidences: NDArray[np.float64], larger_is_better: bool
) -> list[int]:
    """Return the images with the worst and best scores, and those predicted with most doubt."""
    merits = scores if larger_is_better else -scores
    order = np.argsort(merits, kind="stable")[: np.count_nonzero(~np.isnan(merits))].tolist()
    doubtful = np.argsort(confidences, kind="stable").tolist()
    chosen = [*order[:_WORST], *order[max(_WORST, len(order) - _BEST) :], *doubtful[:_DOUBTFUL]]
    return list(dict.fromkeys(chosen))
