"""The page of a run: how it was trained, how good it is, and what it gets wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit import __version__
from toolkit.data.contest import Contest, open_contest
from toolkit.data.resize import Size
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.experiment.run_folder import RunFolder
from toolkit.files import read_toml
from toolkit.metrics.formulas import all_pixels
from toolkit.metrics.scores import Metrics, build_metrics
from toolkit.plugin.interfaces import Context
from toolkit.predict.members import MemberRef, prediction_recipe
from toolkit.predict.store import ProbabilityStore
from toolkit.progress import SilentProgress
from toolkit.recipe.schema import Recipe
from toolkit.report.image_cards import ShownLabels
from toolkit.report.label_judgement import SUSPECT_FROM, JudgedImage, judge_labels
from toolkit.report.page import write_page
from toolkit.report.run_content import (
    class_charts,
    curves,
    facts_of,
    our_figures,
    recipe_rows,
    reference_rows,
    score_table,
    tiles_of,
    warnings_of,
)
from toolkit.report.scored_images import (
    SAMPLED,
    Pictures,
    pictures_of,
    probabilities_of,
    scored_content,
    scored_sections,
)
from toolkit.report.suspect_cards import SuspectCard, suspect_cards
from toolkit.report.validation import (
    Validation,
    find_validation,
    submission_file,
    validation_store,
)
from toolkit.submission.side_car import Leaderboard, leaderboard_of
from toolkit.train.checkpoint import load_checkpoint
from toolkit.workspace import Workspace

_JUDGED, _SUSPECTS = 300, 6
"""Images whose labels are judged, at even distances of more, and suspects that are shown."""


@dataclass(frozen=True)
class DoubtedLabels:
    """The labels of validation images that the network doubts most.

    Attributes:
        cards: those that are shown.
        n_suspects: of how many.
        n_judged: images whose labels were judged.
    """

    cards: tuple[SuspectCard, ...]
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
    """Write the page of a run; of one whose data are not on this machine, without images.

    Args:
        workspace: the project, its components, and who is told what happens.
        run: the run; at least one epoch of it is finished.
        path: the HTML file.
        predicts: whether validation images are predicted if they were not before; without them
            there are no pictures and probabilities.
        data_root: where the data lie on this machine; default: where the recipe says.
        device: where to predict; default: what the recipe allows.

    Raises:
        UsageError: the run has no finished epoch, or its checkpoint, or data in `data_root`, cannot
            be read.
    """
    recipe = recipe_of(workspace, run, data_root)
    contest, warnings = contest_here(workspace, recipe, data_root)
    _write(
        workspace, run, recipe, contest, path, predicts=predicts, device=device, warnings=warnings
    )


def contest_here(
    workspace: Workspace, recipe: Recipe, data_root: Path | None
) -> tuple[Contest | None, list[str]]:
    """Return the data of a run and no warning; None, and what its page lacks, where they are not.

    Raises:
        UsageError: `data_root` is named, and the data in it cannot be read.
    """
    try:
        return open_contest(workspace, recipe.data), []
    except UsageError as error:
        if data_root is not None:
            raise
        workspace.progress.say(f"warning: the page has no images: {error.message}")
        lacks = "images and probabilities are left out, because the data cannot be read here"
        return None, [f"{lacks}: {error.message}"]


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


def metrics_of(workspace: Workspace, recipe: Recipe, class_names: tuple[str, ...]) -> Metrics:
    """Return the metrics of a recipe for its classes."""
    context = Context(class_names, recipe.data.image_size, recipe.data.ignore_index)
    return build_metrics(workspace.registry, recipe.metric, context)


def _write(
    workspace: Workspace,
    run: RunFolder,
    recipe: Recipe,
    contest: Contest | None,
    path: Path,
    *,
    predicts: bool,
    device: str | None,
    warnings: Sequence[str] = (),
) -> None:
    """Write the page; without a contest from counts and epochs."""
    class_names = contest.class_names if contest else load_checkpoint(run.best).class_names
    metrics = metrics_of(workspace, recipe, class_names)
    validation, pictures, doubted = None, None, None
    if recipe.train.on != "all":
        images = None if contest is None else contest.val.file_names
        validation = find_validation(run, metrics, images)
    if validation is not None and contest is not None:
        store = validation_store(workspace, run, recipe, contest, predicts=predicts, device=device)
        if store is not None:
            labels = ShownLabels((store.read_labels,))
            told = probabilities_of(contest.val, store, recipe.predict.views)
            pictures = pictures_of(
                contest.val, validation.counts, metrics, lambda rows: labels, told
            )
            doubted = _doubted(contest.val, recipe.data.decoded_size, store)
    content = _content(run, recipe, metrics, validation, pictures, doubted)
    content["warnings"] += warnings
    write_page(path, "run.html", **content)


def _content(
    run: RunFolder,
    recipe: Recipe,
    metrics: Metrics,
    validation: Validation | None,
    pictures: Pictures | None,
    doubted: DoubtedLabels | None,
) -> dict[str, Any]:
    """Return what the template shows."""
    manifest, epochs = run.manifest(), run.epochs()
    validates = recipe.train.on != "all"
    counts = validation.counts if validation else None
    columns, rows = score_table(manifest, metrics, counts)
    submission = manifest.get("result", {}).get("submission") or {}
    leaderboard = Leaderboard()
    if submission:
        digest = submission.get("digest", "")  # runs of before did not note it
        leaderboard = leaderboard_of(submission_file(run, submission), digest)
    shares = None if counts is None else all_pixels(counts).sum((0, 2)).tolist()
    ours = our_figures(manifest, metrics, counts, epochs, leaderboard)
    scored = scored_content(counts, metrics, pictures, "validation images", epochs)
    return {
        "title": run.name,
        "what": "report of a run",
        "refreshes": manifest["status"] == "running",
        "warnings": warnings_of(manifest, validation is not None, validates),
        "sections": [
            ("scores", "Scores"),
            ("curves", "Curves"),
            *scored_sections(scored),
            *([] if doubted is None else [("suspects", "Label suspects")]),
            ("origin", "How it was made"),
        ],
        "footer": f"Written {now()} by trash {__version__} from the run {run.name}.",
        "tiles": tiles_of(manifest, metrics, columns, rows, epochs, validates),
        "score_columns": columns,
        "score_rows": rows,
        "score_note": _score_note(validation, validates),
        "no_scores": "This training had no validation: nothing is known of its scores.",
        "reference": reference_rows(recipe, ours),
        "class_charts": class_charts(epochs, metrics.class_names, shares),
        "charts": curves(epochs, metrics, _best_epoch(manifest) if validates else None),
        **scored,
        "doubted": doubted,
        "facts": facts_of(manifest, recipe, epochs),
        "recipe_rows": recipe_rows(recipe, manifest.get("origins", {})),
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


def _doubted(split: Split, size: Size | None, store: ProbabilityStore) -> DoubtedLabels:
    judged = np.unique(np.linspace(0, len(split) - 1, min(_JUDGED, len(split))).astype(int))
    images = [JudgedImage(split, row, ((store, row),), size) for row in judged.tolist()]
    judgement = judge_labels(images, SilentProgress(), pixels_per_image=SAMPLED)
    suspects = judgement.order(SUSPECT_FROM)
    shown = suspect_cards(judgement, suspects[:_SUSPECTS])
    return DoubtedLabels(shown, len(suspects), len(images))
