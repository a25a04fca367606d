"""The page of a run: how it was trained, how good it is, and what it gets wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.data.contest import Contest, open_contest
from toolkit.data.resize import Size
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.experiment.run_folder import RunFolder
from toolkit.files import read_toml
from toolkit.metrics.calibration import Calibration
from toolkit.metrics.scores import Metrics, build_metrics, metric_title
from toolkit.plugin.interfaces import Context
from toolkit.predict.members import MemberRef, prediction_recipe
from toolkit.predict.store import ProbabilityStore
from toolkit.progress import SilentProgress
from toolkit.recipe.schema import Recipe
from toolkit.report.class_figures import known, matrix_of
from toolkit.report.image_cards import ImageCard, image_cards
from toolkit.report.label_judgement import SUSPECT_FROM, JudgedImage, judge_labels
from toolkit.report.page import write_page
from toolkit.report.run_content import (
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
from toolkit.report.suspect_cards import SuspectCard, suspect_cards
from toolkit.report.validation import (
    SAMPLED,
    Validation,
    find_validation,
    labels_in,
    probabilities_of,
    validation_store,
)
from toolkit.workspace import Workspace

_WORST, _BEST, _DOUBTFUL = 16, 6, 10
"""Images that are shown, of each kind; one may be of several."""
_JUDGED, _SUSPECTS = 300, 6
"""Images whose labels are judged, at even distances of more, and suspects that are shown."""


@dataclass(frozen=True)
class Pictures:
    """What predicted probabilities tell, and the images that are shown.

    Attributes:
        calibration: of all validation images.
        cards: of some of them.
        n_images: of how many.
        suspects: the labels that are doubted most.
        n_suspects: of how many.
        n_judged: images whose labels were judged.
    """

    calibration: Calibration
    cards: tuple[ImageCard, ...]
    n_images: int
    suspects: tuple[SuspectCard, ...]
    n_suspects: int
    n_judged: int


def write_report_of_run(workspace: Workspace, run: RunFolder, contest: Contest) -> None:
    """Write the page of a run that has just ended, beside it, from what was predicted anyway.

    Args:
        workspace: the project, its components, and who is told what happens.
        run: the run.
        contest: its data.

    Raises:
        UsageError: as `write_run_report`.
    """
    recipe = _recipe(workspace, run, None)
    _write(workspace, run, recipe, contest, run.report, predicts=False, device="cpu")


def write_run_report(
    workspace: Workspace,
    run: RunFolder,
    path: Path,
    *,
    predicts: bool = True,
    data_root: Path | None = None,
    device: str | None = None,
) -> None:
    """Write the page of a run.

    Args:
        workspace: the project, its components, and who is told what happens.
        run: the run; at least one epoch of it is finished.
        path: the HTML file.
        predicts: whether validation images are predicted if they were not before; without them
            there are no pictures and probabilities.
        data_root: where the data lie on this machine; default: where the recipe says.
        device: where to predict; default: what the recipe allows.

    Raises:
        UsageError: the run has no finished epoch, or its checkpoint or data cannot be read.
    """
    recipe = recipe_of(workspace, run, data_root)
    contest = open_contest(workspace, recipe.data)
    _write(workspace, run, recipe, contest, path, predicts=predicts, device=device)


def recipe_of(workspace: Workspace, run: RunFolder, data_root: Path | None) -> Recipe:
    """Return the recipe of a run's checkpoint.

    Raises:
        UsageError: there is none yet.
    """
    if not run.best.is_file() or not run.epochs():
        raise UsageError(
            f"{run.name} has no finished epoch: there is nothing to report",
            f"Go on with it: trash recipe run {run.manifest()['recipe']} --resume",
        )
    return _recipe(workspace, run, data_root)


def _recipe(workspace: Workspace, run: RunFolder, data_root: Path | None) -> Recipe:
    recipe = prediction_recipe(MemberRef(run.best), workspace.project, None, data_root)
    if not run.recipe.is_file():
        return recipe
    # The best epoch may be older than a resumption with more epochs.
    resumed = read_toml(run.recipe, "recipe of the run").get("train", {})
    train = recipe.train.model_copy(update={"epochs": resumed.get("epochs", recipe.train.epochs)})
    return recipe.model_copy(update={"train": train})


def metrics_of(workspace: Workspace, recipe: Recipe, contest: Contest) -> Metrics:
    """Return the metrics of a recipe for its data."""
    context = Context(contest.class_names, recipe.data.image_size, recipe.data.ignore_index)
    return build_metrics(workspace.registry, recipe.metric, context)


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
    metrics = metrics_of(workspace, recipe, contest)
    validation, pictures = None, None
    if recipe.train.on != "all":
        validation = find_validation(run, metrics, contest.val)
    if validation is not None:
        store = validation_store(workspace, run, recipe, contest, predicts=predicts, device=device)
        if store is not None:
            size = recipe.data.decoded_size
            pictures = _pictures(contest.val, size, store, validation, metrics)
    write_page(path, "run.html", **_content(run, recipe, metrics, validation, pictures))


def _content(
    run: RunFolder,
    recipe: Recipe,
    metrics: Metrics,
    validation: Validation | None,
    pictures: Pictures | None,
) -> dict[str, Any]:
    """Return what the template shows."""
    manifest, epochs = run.manifest(), run.epochs()
    validates = recipe.train.on != "all"
    counts = validation.counts if validation else None
    calibration = pictures.calibration if pictures else None
    columns, rows = score_table(manifest, metrics, counts)
    sections = [
        ("scores", "Scores", True),
        ("curves", "Curves", True),
        ("classes", "Classes", counts is not None),
        ("confusion", "Confusion", counts is not None),
        ("probabilities", "Probabilities", pictures is not None),
        ("images", "Images", pictures is not None),
        ("suspects", "Label suspects", pictures is not None),
        ("origin", "How it was made", True),
    ]
    return {
        "title": run.name,
        "what": "report of a run",
        "refreshes": manifest["status"] == "running",
        "warnings": warnings_of(manifest, validation is not None, validates),
        "sections": [(name, shown) for name, shown, there in sections if there],
        "footer": f"Written {now()} by trash {__version__} from the run {run.name}.",
        "tiles": tiles_of(manifest, metrics, columns, rows, epochs, validates),
        "score_columns": columns,
        "score_rows": rows,
        "score_note": _score_note(validation, validates),
        "no_scores": "This training had no validation: nothing is known of its scores.",
        "reference": reference_of(recipe),
        "charts": curves(epochs, metrics, _best_epoch(manifest) if validates else None),
        "class_rows": class_rows(counts, calibration, epochs, metrics.class_names),
        "matrix": None if counts is None else matrix_of(counts),
        "swatches": swatches(metrics.class_names),
        "pictures": pictures,
        "sampled": SAMPLED,
        "views": recipe.predict.views,
        "reliability": None if calibration is None else reliability(calibration),
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


_UNVALIDATED = (
    "This training had no validation, and its last epoch counts. ± is the standard error over "
    "images drawn again and again."
)


def _score_note(validation: Validation | None, validates: bool) -> str:
    if not validates:
        return _UNVALIDATED
    return _SUBMITTED if validation and validation.as_submitted else _TRAINED


def _best_epoch(manifest: dict[str, Any]) -> int | None:
    best: int | None = manifest.get("result", {}).get("best_epoch")
    return best


def _pictures(
    split: Split,
    size: Size | None,
    store: ProbabilityStore,
    validation: Validation,
    metrics: Metrics,
) -> Pictures:
    calibration, confidences = probabilities_of(split, store)
    scores = validation.image_scores(metrics)

    def figures(row: int) -> dict[str, float | None]:
        return {"score": known(scores[row]), "confidence": known(confidences[row])}

    rows = _shown_rows(scores, confidences, metrics.metric.larger_is_better)
    cards = image_cards(split, rows, [("prediction", labels_in(store))], figures)
    judged = np.unique(np.linspace(0, len(split) - 1, min(_JUDGED, len(split))).astype(int))
    images = [JudgedImage(split, row, ((store, row),), size) for row in judged.tolist()]
    judgement = judge_labels(images, SilentProgress(), pixels_per_image=SAMPLED)
    suspects = judgement.order(SUSPECT_FROM)
    shown = suspect_cards(judgement, suspects[:_SUSPECTS])
    return Pictures(calibration, cards, len(split), shown, len(suspects), len(images))


def _shown_rows(
    scores: NDArray[np.float64], confidences: NDArray[np.float64], larger_is_better: bool
) -> list[int]:
    """Return the images with the worst and best scores, and those predicted with most doubt."""
    merits = scores if larger_is_better else -scores
    order = np.argsort(merits, kind="stable")[: np.count_nonzero(~np.isnan(merits))].tolist()
    doubtful = np.argsort(confidences, kind="stable").tolist()
    chosen = [*order[:_WORST], *order[max(_WORST, len(order) - _BEST) :], *doubtful[:_DOUBTFUL]]
    return list(dict.fromkeys(chosen))
