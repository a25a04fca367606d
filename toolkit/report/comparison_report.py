"""The page of two or more predictions side by side: scores, classes, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.bootstrap import PairedDifference, paired_difference
from toolkit.metrics.formulas import all_pixels, class_ious
from toolkit.metrics.scores import Metrics, direction, image_scores, metric_title, score_counts
from toolkit.recipe.schema import Recipe
from toolkit.report.class_figures import css_colour, known
from toolkit.report.image_cards import ImageCard, ShownLabels, image_cards
from toolkit.report.line_chart import ChartLine, line_chart
from toolkit.report.page import write_page
from toolkit.report.run_content import Chart, Epochs, recipe_differences, stored_epoch, swatches
from toolkit.report.run_report import contest_here, metrics_of, recipe_of
from toolkit.report.validation import Validation, find_validation, validation_store
from toolkit.train.checkpoint import load_checkpoint
from toolkit.workspace import Workspace

_SHOWN = 12
"""Images that are shown where the second run is better, and as many where it is worse."""


@dataclass(frozen=True)
class ComparedPredictions:
    """Predictions that are compared with others of the same images.

    Attributes:
        name: of the run, checkpoint or file.
        counts: of every image, see `Counting`.
        epochs: of the training, where it is known.
        recipe: of the training, where it is known.
    """

    name: str
    counts: NDArray[np.int64]
    epochs: Epochs = ()
    recipe: Recipe | None = None


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

    Where the data are not on this machine it shows no images.

    Args:
        workspace: the project, its components, and who is told what happens.
        folders: the runs; all others are compared with the first one, by its metric.
        path: the HTML file.
        data_root: where the data lie on this machine; default: where the recipe says.
        device: where to predict; default: what the recipe allows.

    Raises:
        UsageError: a run has no finished epoch, was not validated, or on other images or classes
            than the first one; one is named twice; or data in `data_root` cannot be read.
    """
    names = [each.name for each in folders]
    if len(set(names)) < len(names):
        raise UsageError("the same run is named twice")
    recipes = [recipe_of(workspace, each, data_root) for each in folders]
    contest, warnings = contest_here(workspace, recipes[0], data_root)
    class_names = contest.class_names if contest else load_checkpoint(folders[0].best).class_names
    metrics = metrics_of(workspace, recipes[0], class_names)
    found: list[Validation] = []
    for folder, recipe in zip(folders, recipes, strict=True):
        images = contest.val.file_names if contest else found[0].images if found else None
        found.append(_counted(folder, recipe, metrics, images, folders[0]))
    stores = []
    if contest is not None:
        stores = [
            validation_store(workspace, folder, recipe, contest, predicts=True, device=device)
            for folder, recipe in zip(folders[:2], recipes, strict=False)
        ]
    labels = ShownLabels(tuple(each.read_labels for each in stores if each is not None))
    compared = [
        ComparedPredictions(folder.name, each.counts, folder.epochs(), recipe)
        for folder, each, recipe in zip(folders, found, recipes, strict=True)
    ]
    write_comparison_page(
        path,
        compared,
        metrics,
        None if contest is None else contest.val,
        lambda rows: labels,
        what="comparison of runs",
        images="validation images",
        warnings=[*_warnings(names, found), *warnings],
    )


def write_comparison_page(
    path: Path,
    compared: Sequence[ComparedPredictions],
    metrics: Metrics,
    split: Split | None,
    labels: Callable[[Sequence[int]], ShownLabels],
    *,
    what: str,
    images: str,
    warnings: Sequence[str],
) -> None:
    """Write a page on two or more predictions of the same images, all compared with the first.

    Args:
        path: the HTML file.
        compared: the predictions.
        metrics: of the contest.
        split: the images, with their photos; None = there are none to be shown.
        labels: returns those of the images at some positions, of the first two predictions.
        what: kind of the page.
        images: what the images are called.
        warnings: what a reader must know before believing the figures.

    Raises:
        UsageError: a photo cannot be read.
    """
    scores = [image_scores(metrics.metric, each.counts) for each in compared[:2]]
    gains = direction(metrics.metric) * (scores[1] - scores[0])

    def figures(row: int) -> dict[str, float | str | None]:
        one, other = known(scores[0][row]), known(scores[1][row])
        return {"gain": known(gains[row]), "one": one, "other": other}

    cards: tuple[ImageCard, ...] = ()
    if split is not None:
        rows = _shown_rows(gains)
        shown = labels(rows)
        pairs = [(one.name, of) for one, of in zip(compared, shown.predicted, strict=False)]
        cards = image_cards(split, rows, pairs, figures, shown.truth)
    content = _content(compared, metrics, gains, cards)
    write_page(
        path, "comparison.html", what=what, images_text=images, warnings=list(warnings), **content
    )


def _counted(
    run: RunFolder,
    recipe: Recipe,
    metrics: Metrics,
    images: tuple[str, ...] | None,
    first: RunFolder,
) -> Validation:
    found = None
    if recipe.train.on != "all" and tuple(run.manifest()["classes"]) == metrics.class_names:
        found = find_validation(run, metrics, images)
    if found is None:
        raise UsageError(
            f"{run.name} has no counts of the validation images and classes of {first.name}",
            "Runs are compared on the same images: those of one split, or one fold.",
        )
    return found


def _content(
    compared: Sequence[ComparedPredictions],
    metrics: Metrics,
    gains: NDArray[np.float64],
    cards: tuple[ImageCard, ...],
) -> dict[str, Any]:
    names = [each.name for each in compared]
    deciding = metric_title(metrics.deciding)
    differences = {name: _differences(name, compared, metrics) for name in metrics.by_name}
    charts = _charts(compared, metrics, deciding)
    recipes = [each.recipe for each in compared if each.recipe is not None]
    sections = [
        ("scores", "Scores", True),
        ("curves", "Curves", charts),
        ("classes", "Classes", True),
        ("images", "Images", True),
        ("recipes", "Recipes", recipes),
    ]
    return {
        "title": " · ".join(names),
        "refreshes": False,
        "sections": [(name, title) for name, title, there in sections if there],
        "footer": f"Written {now()} by trash {__version__}.",
        "names": names,
        "rows": [
            (metric_title(name), name == metrics.deciding, each)
            for name, each in differences.items()
        ],
        "charts": charts,
        "class_rows": _class_rows(compared, metrics),
        "swatches": swatches(metrics.class_names),
        "deciding": deciding,
        "gains": _gain_chart(gains, names, deciding),
        "better": int((gains > 0).sum()),
        "worse": int((gains < 0).sum()),
        "equal": int((gains == 0).sum()),
        "cards": cards,
        "has_recipes": bool(recipes),
        "differing": recipe_differences(recipes),
    }


def _warnings(names: Sequence[str], runs: Sequence[Validation]) -> list[str]:
    """Return what a reader must know before believing the differences."""
    trained = [name for name, each in zip(names, runs, strict=True) if not each.as_submitted]
    if len(trained) in (0, len(runs)):
        return []
    return [
        f"validation of {', '.join(trained)} is that of the best epoch, at the size of the "
        "network's input; all others are scored as their submissions are: part of a difference may "
        "come from that"
    ]


def _differences(
    name: str, compared: Sequence[ComparedPredictions], metrics: Metrics
) -> list[ComparedScore]:
    metric = metrics.by_name[name]
    first = compared[0].counts
    found = []
    for number, each in enumerate(compared):
        over = paired_difference(metric, [(each.counts, first)]) if number else None
        found.append(ComparedScore(score_counts(each.counts, metrics).by(name), over))
    return found


def _charts(
    compared: Sequence[ComparedPredictions], metrics: Metrics, deciding: str
) -> list[Chart]:
    epochs = {each.name: each.epochs for each in compared}

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


def _class_rows(compared: Sequence[ComparedPredictions], metrics: Metrics) -> list[dict[str, Any]]:
    ious = [class_ious(all_pixels(each.counts).sum(0)) for each in compared]
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
