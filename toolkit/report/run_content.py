"""What the page of a run shows, section by section: figures and charts for its template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from toolkit.metrics.bootstrap import with_intervals
from toolkit.metrics.scores import Metrics, metric_title, score_counts, stored_score
from toolkit.recipe.schema import Recipe
from toolkit.recipe.show import key_values
from toolkit.report.class_figures import css_colour
from toolkit.report.line_chart import ChartLine, line_chart, sparkline
from toolkit.submission.side_car import Leaderboard

Epochs = Sequence[Mapping[str, Any]]

_MOST_LINES = 5
_MOST_CURVES = 48
"""Classes whose IoU over the epochs is drawn: the page is to stay small."""


@dataclass(frozen=True)
class Chart:
    """A chart with its title and a sentence on what to see in it."""

    title: str
    svg: Markup
    note: str = ""


@dataclass(frozen=True)
class ScoreRow:
    """A metric with its scores: text for each column, "–" where there is none."""

    name: str
    decides: bool
    columns: tuple[str, ...]


def facts_of(manifest: Mapping[str, Any], recipe: Recipe, epochs: Epochs) -> list[tuple[str, str]]:
    """Return (name, value) of what made a run."""
    result = manifest.get("result", {})
    git = manifest.get("code", {}).get("git") or {}
    changed = {True: ", with changed files", False: "", None: ", perhaps with changed files"}
    seconds = sum(each["seconds"] for each in epochs)
    rates = [each["images_per_second"] for each in epochs[1:] or epochs]
    optimizer = recipe.optimizer
    data = manifest.get("data", {})
    facts = [
        ("recipe", manifest["recipe"]),
        ("status", manifest["status"]),
        ("started", _time(manifest.get("started", ""))),
        ("training", f"{_duration(seconds)} for {len(epochs)} of {recipe.train.epochs} epochs"),
        ("speed", f"{np.median(rates):.1f} images/s in training (median of epochs)"),
        ("memory", _memory(manifest, epochs)),
        ("best epoch", str(result.get("best_epoch", "–")) if recipe.train.on != "all" else ""),
        ("seed", str(recipe.seed)),
        ("model", _component(recipe.model)),
        ("optimizer", _component(optimizer)),
        ("input", " × ".join(map(str, recipe.data.image_size)) + " pixels"),
        ("images", ", ".join(f"{each['images']} {name}" for name, each in data.items())),
        ("views", recipe.predict.views),
        ("machine", f"{manifest.get('machine', '–')}, Python {manifest.get('python', '–')}"),
        ("code", f"{git['commit'][:10]}{changed[git.get('changed')]}" if git else "no git"),
        *(("made from", _parent(each)) for each in manifest.get("parents", ())),
    ]
    return [(name, value) for name, value in facts if value]


def warnings_of(manifest: Mapping[str, Any], is_counted: bool, validates: bool) -> list[str]:
    """Return what a reader must know before believing the figures."""
    found = []
    if manifest["status"] != "finished":
        error = manifest.get("error")
        found.append(f"the run is {manifest['status']}{f': {error}' if error else ''}")
    if validates and not is_counted:
        found.append("the counts of the validation images are not there: classes are not shown")
    return found


def tiles_of(
    manifest: Mapping[str, Any],
    metrics: Metrics,
    columns: Sequence[str],
    rows: Sequence[ScoreRow],
    epochs: Epochs,
    validates: bool,
) -> list[tuple[str, str]]:
    """Return (name, value) of the few figures that everybody looks for."""
    title = metric_title(metrics.deciding)
    deciding = next((row for row in rows if row.decides), None)
    found = [
        (f"{name} {title}", value)
        for name, value in zip(columns, deciding.columns if deciding else (), strict=False)
        if name != "best epoch"
    ]
    best = manifest.get("result", {}).get("best_epoch")
    if best is not None and validates:
        found.append(("best epoch", f"{best} of {len(epochs)}"))
    return [*found, ("training", _duration(sum(each["seconds"] for each in epochs)))]


def score_table(
    manifest: Mapping[str, Any], metrics: Metrics, counts: NDArray[np.int64] | None
) -> tuple[tuple[str, ...], list[ScoreRow]]:
    """Return the titles of columns, and a row for every metric."""
    result = manifest.get("result", {})
    submission = result.get("submission") or {}
    trained = (result.get("scores") or {}).get("val_metrics") or {}
    columns: list[ScoreColumn] = []
    if counts is not None:
        columns.append(counted_column("validation", counts, metrics))
    if trained:
        columns.append(("best epoch", trained, {}))
    test = submission.get("score")
    if test:
        columns.append(("test", test.get("metrics", {}), test.get("intervals", {})))
    return tuple(title for title, *_ in columns), score_rows(metrics, columns)


ScoreColumn = tuple[str, Mapping[str, float | None], Mapping[str, Mapping[str, float]]]
"""Title, score by each metric, and "error" of each as JSON files hold intervals."""


def counted_column(title: str, counts: NDArray[np.int64], metrics: Metrics) -> ScoreColumn:
    """Return the scores of counted images as a column."""
    scores = with_intervals(score_counts(counts, metrics), counts, metrics)
    errors = {name: {"error": each.error} for name, each in scores.intervals.items()}
    return title, scores.metrics, errors


def score_rows(metrics: Metrics, columns: Sequence[ScoreColumn]) -> list[ScoreRow]:
    """Return a row for every metric."""
    return [
        ScoreRow(
            metric_title(name),
            name == metrics.deciding,
            tuple(_with_error(scores.get(name), errors.get(name)) for _, scores, errors in columns),
        )
        for name in metrics.by_name
    ]


def curves(epochs: Epochs, metrics: Metrics, best: int | None) -> list[Chart]:
    """Return the charts of a training over its epochs."""
    deciding = metric_title(metrics.deciding)
    names = [name for name in metrics.by_name if name != metrics.deciding]
    by_metric = [_scores(name, epochs) for name in [metrics.deciding, *names[:_MOST_LINES]]]
    by_others = [_scores(name, epochs) for name in names[_MOST_LINES:]]
    mark = "" if best is None else "The dotted line is the best epoch."
    is_validated = any(each.get("val_loss") is not None for each in epochs)
    loss = "Validation is measured with the main loss alone. " if is_validated else ""
    charts = [
        Chart(
            "Loss",
            line_chart(
                "loss over the epochs",
                "epoch",
                [_line("training", epochs, "train_loss"), _line("validation", epochs, "val_loss")],
                marked=best,
            ),
            f"{loss}{mark}",
        ),
        Chart(
            f"Validation by {deciding}, which decides, and others",
            line_chart("scores over the epochs", "epoch", by_metric, marked=best),
            mark,
        ),
        Chart(
            "Validation by the other metrics",
            line_chart("scores by the other metrics", "epoch", by_others, marked=best),
            mark,
        ),
        Chart("Learning rate", line_chart("learning rate", "epoch", [_line("lr", epochs, "lr")])),
        Chart(
            "Speed",
            line_chart(
                "images per second", "epoch", [_line("images/s", epochs, "images_per_second")]
            ),
            "Images per second in training; the first epoch starts the workers.",
        ),
    ]
    return [each for each in charts if each.svg]


def class_charts(
    epochs: Epochs, class_names: Sequence[str], shares: Sequence[float] | None
) -> list[Chart]:
    """Return charts of the IoU of a few classes each over the epochs.

    Args:
        epochs: of the training.
        class_names: index = label.
        shares: of all pixels; of many classes those with the largest are drawn. None = not known.
    """
    order = sorted(range(len(class_names)), key=lambda label: -shares[label] if shares else label)
    labels = sorted(order[:_MOST_CURVES])
    validated = [each for each in epochs if each.get("val_iou")]
    charts = []
    for begin in range(0, len(labels), _MOST_LINES + 1):
        some = labels[begin : begin + _MOST_LINES + 1]
        lines = [
            ChartLine(
                class_names[label],
                [(each["epoch"], _rounded(each["val_iou"][label])) for each in validated],
            )
            for label in some
        ]
        svg = line_chart(f"IoU of {', '.join(each.name for each in lines)}", "epoch", lines)
        names = [class_names[some[0]], *([class_names[some[-1]]] if len(some) > 1 else [])]
        charts.append(Chart(" … ".join(names), svg))
    return [each for each in charts if each.svg]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def class_curves(epochs: Epochs, n_classes: int) -> list[Markup]:
    """Return the IoU of every class over the epochs, as small lines."""
    validated = [each["val_iou"] for each in epochs if each.get("val_iou")]
    return [sparkline([each[label] for each in validated]) for label in range(n_classes)]


def swatches(class_names: Sequence[str]) -> list[tuple[str, str]]:
    """Return (colour as in CSS, name) of every class."""
    return [(css_colour(label, len(class_names)), name) for label, name in enumerate(class_names)]


def reference_rows(
    recipe: Recipe, ours: Mapping[str, float | int | None]
) -> list[tuple[str, str, str]]:
    """Return (name, the original author's value, ours or "") of what `[reference]` says.

    Args:
        recipe: has the reference.
        ours: by the name of the key.
    """
    return [
        (name.replace("_", " "), _figure(value), _figure(ours.get(name)))
        for name, value in recipe.reference.items()
    ]


def our_figures(
    manifest: Mapping[str, Any],
    metrics: Metrics,
    counts: NDArray[np.int64] | None,
    epochs: Epochs,
    leaderboard: Leaderboard,
) -> dict[str, float | int | None]:
    """Return the figures of a run under the names that `[reference]` has for those of its author.

    "val_" and "test_" with the name of a metric, the best epoch and its training loss, and the
    scores of the leaderboard.
    """
    result = manifest.get("result", {})
    best = result.get("best_epoch")
    trained = (result.get("scores") or {}).get("val_metrics") or {}
    validation = score_counts(counts, metrics).metrics if counts is not None else trained
    tested = ((result.get("submission") or {}).get("score") or {}).get("metrics", {})
    losses = {each["epoch"]: each["train_loss"] for each in epochs}
    return {
        **{f"val_{name}": score for name, score in validation.items()},
        **{f"test_{name}": score for name, score in tested.items()},
        "val_epoch": best,
        "train_loss": losses.get(best),
        "public_lb": leaderboard.public,
        "private_lb": leaderboard.private,
    }


def _figure(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def recipe_rows(recipe: Recipe, origins: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (key, value as TOML, origin) of what differs from the defaults.

    The origin is empty where nobody noted any.

    Args:
        recipe: resolved.
        origins: as the manifest notes them, by key.
    """
    unwritten = "set by the run" if origins else ""
    values = recipe.model_dump(mode="json", exclude_defaults=True)
    return [(key, value, origins.get(key, unwritten)) for key, value in key_values(values)]


def recipe_differences(recipes: Sequence[Recipe]) -> list[tuple[str, list[str]]]:
    """Return (key, its value in every recipe as TOML) of the keys that are not equal in all."""
    tables = [dict(key_values(each.model_dump(mode="json"))) for each in recipes]
    keys = dict.fromkeys(key for table in tables for key in table)
    found = [(key, [table.get(key, "–") for table in tables]) for key in keys]
    return [(key, values) for key, values in found if len(set(values)) > 1]


def stored_epoch(record: Mapping[str, Any], metric: str) -> float | None:
    """Return the validation score of an epoch by a metric, None where it was not validated."""
    if record.get("val_miou") is None:
        return None
    return stored_score(
        {"mean_iou": record["val_miou"], "metrics": record.get("val_metrics") or {}}, metric
    )


def _line(name: str, epochs: Epochs, key: str) -> ChartLine:
    return ChartLine(name, [(each["epoch"], each.get(key)) for each in epochs])


def _scores(metric: str, epochs: Epochs) -> ChartLine:
    points = [(each["epoch"], stored_epoch(each, metric)) for each in epochs]
    return ChartLine(metric_title(metric), points)


def _with_error(score: float | None, interval: Mapping[str, Any] | None) -> str:
    if score is None:
        return "–"
    return f"{score:.4f}" + (f" ± {interval['error']:.4f}" if interval else "")


def _component(spec: Any) -> str:
    parameters = ", ".join(f"{key} = {value}" for key, value in spec.parameters.items())
    return f"{spec.name} ({parameters})" if parameters else str(spec.name)


def _parent(parent: Mapping[str, Any]) -> str:
    """Return what a training was made from: pseudo-labels and who predicted them, or weights."""
    if "teachers" in parent:
        chosen = f"{parent['selected']} of {parent['images']} images"
        return f"pseudo-labels of {', '.join(parent['teachers'])}: {chosen}"
    run = f" of the run {parent['run']}" if parent.get("run") else ""
    return f"{parent.get('kind', '?')}: {parent.get('checkpoint', '?')}{run}"


def _memory(manifest: Mapping[str, Any], epochs: Epochs) -> str:
    peaks = [each["peak_memory"] for each in epochs if "peak_memory" in each]
    if not peaks:  # of before epochs noted it
        return ""
    where = "of the GPU" if manifest.get("device") == "cuda" else "of the training process"
    return f"{max(peaks) / 1e9:.2g} GB {where} at most"


def _time(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC" if text else ""


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
