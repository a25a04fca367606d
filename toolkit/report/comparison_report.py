"""The page of two or more runs side by side: scores, curves, classes, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.data.contest import Contest, open_contest
from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.bootstrap import PairedDifference, paired_difference
from toolkit.metrics.formulas import all_pixels, class_ious
from toolkit.metrics.scores import Metrics, direction, metric_title, score_counts
from toolkit.recipe.schema import Recipe
from toolkit.report.class_figures import css_colour, known
from toolkit.report.image_cards import ImageCard, image_cards
from toolkit.report.line_chart import ChartLine, line_chart
from toolkit.report.page import write_page
from toolkit.report.run_content import Chart, recipe_differences, stored_epoch, swatches
from toolkit.report.run_report import metrics_of, recipe_of
from toolkit.report.validation import Validation, find_validation, labels_in, validation_store
from toolkit.workspace import Workspace

_SHOWN = 12
"""Images that are shown where the second run is better, and as many where it is worse."""


@dataclass(frozen=True)
class _ReportedRun:
    folder: RunFolder
    recipe: Recipe
    validation: Validation


@dataclass(frozen=True)
class ComparedScore:
    """A score of a run, and how much better it is than that of the first one.

    Attributes:
        score: None = it has none.
        over_first: None for the first run itself.
    """

    score: float | None
    over_first: PairedDifference | None

    @property
    def text(self) -> str:
        """The difference with its standard error, and whether it is within noise."""
        over = self.over_first
        if over is None or over.score is None:
            return ""
        error = f" ± {over.interval.error:.4f}" if over.interval else ""
        noise = " (noise)" if over.within_noise else ""
        return f"{over.score:+.4f}{error}{noise}"


def write_comparison_report(
    workspace: Workspace,
    folders: Sequence[RunFolder],
    path: Path,
    *,
    data_root: Path | None = None,
    device: str | None = None,
) -> None:
    """Write a page on several runs that were validated on the same images.

    Args:
        workspace: the project, its components, and who is told what happens.
        folders: the runs; all others are compared with the first one, by its metric.
        path: the HTML file.
        data_root: where the data lie on this machine; default: where the recipe says.
        device: where to predict; default: what the recipe allows.

    Raises:
        UsageError: a run has no finished epoch, was not validated, or on other images or classes
            than the first one; or one is named twice.
    """
    names = [each.name for each in folders]
    if len(set(names)) < len(names):
        raise UsageError("the same run is named twice")
    recipes = [recipe_of(workspace, each, data_root) for each in folders]
    contest = open_contest(workspace, recipes[0].data)
    metrics = metrics_of(workspace, recipes[0], contest.class_names)
    runs = [
        _ReportedRun(folder, recipe, _counted(folder, recipe, metrics, contest, folders[0]))
        for folder, recipe in zip(folders, recipes, strict=True)
    ]
    stores = [
        validation_store(workspace, each.folder, each.recipe, contest, predicts=True, device=device)
        for each in runs[:2]
    ]
    scores = [each.validation.image_scores(metrics) for each in runs]
    gains = direction(metrics.metric) * (scores[1] - scores[0])

    def figures(row: int) -> dict[str, float | str | None]:
        one, other = known(scores[0][row]), known(scores[1][row])
        return {"gain": known(gains[row]), "one": one, "other": other}

    predicted = [
        (run.folder.name, labels_in(store))
        for run, store in zip(runs, stores, strict=False)
        if store is not None
    ]
    cards = image_cards(contest.val, _shown_rows(gains), predicted, figures)
    write_page(path, "comparison.html", **_content(runs, metrics, gains, cards))


def _counted(
    run: RunFolder, recipe: Recipe, metrics: Metrics, contest: Contest, first: RunFolder
) -> Validation:
    found = None
    if recipe.train.on != "all" and tuple(run.manifest()["classes"]) == contest.class_names:
        found = find_validation(run, metrics, contest.val.file_names)
    if found is None:
        raise UsageError(
            f"{run.name} has no counts of the validation images and classes of {first.name}",
            "Runs are compared on the same images: those of one split, or one fold.",
        )
    return found


def _content(
    runs: Sequence[_ReportedRun],
    metrics: Metrics,
    gains: NDArray[np.float64],
    cards: tuple[ImageCard, ...],
) -> dict[str, Any]:
    names = [each.folder.name for each in runs]
    deciding = metric_title(metrics.deciding)
    differences = {name: _differences(name, runs, metrics) for name in metrics.by_name}
    return {
        "title": " · ".join(names),
        "what": "comparison of runs",
        "refreshes": False,
        "warnings": _warnings(runs),
        "sections": [
            ("scores", "Scores"),
            ("curves", "Curves"),
            ("classes", "Classes"),
            ("images", "Images"),
            ("recipes", "Recipes"),
        ],
        "footer": f"Written {now()} by trash {__version__}.",
        "names": names,
        "rows": [
            (metric_title(name), name == metrics.deciding, each)
            for name, each in differences.items()
        ],
        "charts": _charts(runs, metrics, deciding),
        "class_rows": _class_rows(runs, metrics),
        "swatches": swatches(metrics.class_names),
        "deciding": deciding,
        "gains": _gain_chart(gains, names, deciding),
        "better": int((gains > 0).sum()),
        "worse": int((gains < 0).sum()),
        "equal": int((gains == 0).sum()),
        "cards": cards,
        "differing": recipe_differences([each.recipe for each in runs]),
    }


def _warnings(runs: Sequence[_ReportedRun]) -> list[str]:
    """Return what a reader must know before believing the differences."""
    trained = [each.folder.name for each in runs if not each.validation.as_submitted]
    if len(trained) in (0, len(runs)):
        return []
    return [
        f"validation of {', '.join(trained)} is that of the best epoch, at the size of the "
        "network's input; all others are scored as their submissions are: part of a difference may "
        "come from that"
    ]


def _differences(name: str, runs: Sequence[_ReportedRun], metrics: Metrics) -> list[ComparedScore]:
    metric = metrics.by_name[name]
    first = runs[0].validation.counts
    found = []
    for number, run in enumerate(runs):
        counts = run.validation.counts
        over = paired_difference(metric, [(counts, first)]) if number else None
        found.append(ComparedScore(score_counts(counts, metrics).by(name), over))
    return found


def _charts(runs: Sequence[_ReportedRun], metrics: Metrics, deciding: str) -> list[Chart]:
    epochs = {each.folder.name: each.folder.epochs() for each in runs}

    def chart(title: str, key: str) -> Markup:
        lines = [
            ChartLine(name, [(each["epoch"], each.get(key)) for each in records])
            for name, records in epochs.items()
        ]
        return line_chart(title, "epoch", lines)

    scores = [
        ChartLine(name, [(each["epoch"], stored_epoch(each, metrics.deciding)) for each in records])
        for name, records in epochs.items()
    ]
    charts = [
        Chart(f"Validation {deciding}", line_chart("scores over the epochs", "epoch", scores)),
        Chart("Validation loss", chart("validation loss over the epochs", "val_loss")),
        Chart("Training loss", chart("training loss over the epochs", "train_loss")),
    ]
    return [each for each in charts if each.svg]


def _class_rows(runs: Sequence[_ReportedRun], metrics: Metrics) -> list[dict[str, Any]]:
    ious = [class_ious(all_pixels(each.validation.counts).sum(0)) for each in runs]
    return [
        {
            "name": name,
            "colour": css_colour(label, len(metrics.class_names)),
            "ious": [known(each[label]) for each in ious],
            "gains": [known(each[label] - ious[0][label]) for each in ious[1:]],
        }
        for label, name in enumerate(metrics.class_names)
    ]


def _gain_chart(gains: NDArray[np.float64], names: Sequence[str], deciding: str) -> Chart:
    ordered = np.sort(gains[~np.isnan(gains)])
    points = [(float(number), float(gain)) for number, gain in enumerate(ordered, start=1)]
    zero = [(1.0, 0.0), (float(max(len(ordered), 1)), 0.0)]
    return Chart(
        f"How much better {names[1]} is than {names[0]}, image by image",
        line_chart(
            "difference of the scores of every image, the smallest first",
            "image",
            [ChartLine("difference", points), ChartLine("equal", zero, is_ideal=True)],
        ),
        f"Differences in {deciding} of each image alone, in ascending order.",
    )


def _shown_rows(gains: NDArray[np.float64]) -> list[int]:
    order = np.argsort(gains, kind="stable")[: np.count_nonzero(~np.isnan(gains))]
    differing = [row for row in order.tolist() if gains[row] != 0]
    chosen = [*differing[:_SHOWN], *differing[max(_SHOWN, len(differing) - _SHOWN) :]]
    return chosen or order[:_SHOWN].tolist()
