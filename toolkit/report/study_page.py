"""The page of a study: gains and their noise, scores, classes, runs, trials of a search."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from toolkit import __version__
from toolkit.experiment.execution.manifest import now
from toolkit.experiment.run_folder import RunFolder
from toolkit.experiment.study.run import Comparison
from toolkit.experiment.study.scores import (
    StudyRow,
    agreement_with_original,
    best_first,
    gain,
    noise_in_words,
    seed_gains,
    spread,
    within_noise,
)
from toolkit.experiment.study.search import SearchResult
from toolkit.experiment.study.search_space import SearchKey
from toolkit.experiment.study.table import table
from toolkit.metrics.scores import metric_title
from toolkit.project import Project
from toolkit.recipe.assignment import parse_assignment
from toolkit.report.class_figures import css_colour
from toolkit.report.gain_chart import VariantGain, gain_chart
from toolkit.report.line_chart import ChartLine, line_chart
from toolkit.report.page import write_page
from toolkit.report.run_content import Chart


@dataclass(frozen=True)
class _RunLine:
    """A run of a variant; `page` is where its report is, "" without one."""

    variant: str
    seed: int
    run: str
    page: str
    validation: float
    test: float | None
    seconds: float | None


def write_study_page(
    project: Project,
    comparison: Comparison,
    rows: Sequence[StudyRow],
    path: Path,
    *,
    search: SearchResult | None = None,
) -> None:
    """Write the page of a study.

    Args:
        project: has the runs.
        comparison: what was compared.
        rows: its scores, the first is the baseline; at least one.
        path: the HTML file.
        search: the trials before it.
    """
    first = rows[0]
    title = metric_title(first.metric)
    columns, lines = table(rows, per_class=False)
    sections = [("gains", "Gains"), ("scores", "Scores"), ("classes", "Classes"), ("runs", "Runs")]
    if search is not None:
        sections.insert(0, ("search", "Search"))
    missing = len(comparison.items) * len(comparison.seeds) - sum(len(r.outcomes) for r in rows)
    agreement = agreement_with_original(rows)
    write_page(
        path,
        "study.html",
        title=comparison.title or f"Comparison with {first.name}",
        what="study",
        warnings=[f"{missing} runs are still to be done"] if missing else [],
        sections=sections,
        footer=f"Written {now()} by trash {__version__}.",
        tiles=_tiles(rows, title),
        first=first,
        chart=_gains(rows, title),
        told=noise_in_words(rows),
        agreement=agreement,
        columns=columns,
        lines=lines,
        titles={row.name: row.title for row in rows},
        seconds={row.name: row.seconds for row in rows},
        class_columns=[row.name for row in best_first(rows)],
        class_rows=_class_rows(rows),
        runs=[line for row in rows for line in _run_lines(project, row, path)],
        search=search,
        search_charts=[] if search is None else _search_charts(search),
    )


def _tiles(rows: Sequence[StudyRow], title: str) -> list[tuple[str, str]]:
    best = best_first(rows)[0]
    seconds = [each.seconds for row in rows for each in row.outcomes if each.seconds is not None]
    found = [
        ("variants", str(len(rows))),
        ("runs", str(sum(len(row.outcomes) for row in rows))),
        (f"best {title}", str(spread(best.deciding))),
        ("best variant", best.name),
    ]
    return [*found, ("hours of training", f"{sum(seconds) / 3600:.1f}")] if seconds else found


def _gains(rows: Sequence[StudyRow], title: str) -> Chart:
    first = rows[0]
    gains = []
    for row in best_first(rows):
        if row is first:
            continue
        found = gain(row, first)
        if math.isnan(found.mean):
            continue
        over = row.over_first
        seeds = seed_gains(row, first)
        interval = None if over is None else over.interval
        gains.append(
            VariantGain(
                row.name,
                found.mean,
                seeds,
                None if len(seeds) < 2 else 2 * found.deviation / math.sqrt(len(seeds)),
                None if interval is None else (interval.low, interval.high),
                within_noise(row, first) or (over is not None and over.within_noise),
            )
        )
    return Chart(
        f"Gain of {title} over {first.name}",
        gain_chart(f"gains over {first.name}", f"gain of {title}", gains),
        "Small dots are single seeds. The bar is two standard errors over the seeds, the line the "
        "95 % interval over images drawn anew. A full mark is beyond both, a hollow one may be "
        "noise.",
    )


def _class_rows(rows: Sequence[StudyRow]) -> list[dict[str, Any]]:
    """Return a row per class: the mean IoU of each variant, and how much better it is."""
    first = rows[0]
    found = []
    for label, name in enumerate(first.class_names):
        base = spread([each.iou[label] for each in first.outcomes]).mean
        cells = []
        for row in best_first(rows):
            mean = spread([each.iou[label] for each in row.outcomes]).mean
            cells.append((mean, None if row is first or math.isnan(mean - base) else mean - base))
        found.append(
            {"name": name, "colour": css_colour(label, len(first.class_names)), "cells": cells}
        )
    return found


def _run_lines(project: Project, row: StudyRow, path: Path) -> list[_RunLine]:
    lines = []
    for each in row.outcomes:
        report = RunFolder(project.runs / each.run).report
        page = os.path.relpath(report, path.parent) if report.is_file() else ""
        lines.append(
            _RunLine(
                *(row.name, each.seed, each.run, quote(Path(page).as_posix())),
                *(each.validation, each.test, each.seconds),
            )
        )
    return lines


def _search_charts(search: SearchResult) -> list[Chart]:
    title = f"Validation {metric_title(search.metric)}"
    sign = 1 if search.larger_is_better else -1
    finished = [each for each in search.trials if each.state == "finished"]
    best: list[tuple[float, float | None]] = []
    for each in finished:
        score = each.score or 0.0
        before = best[-1][1] if best else None
        is_better = before is None or sign * score > sign * before
        best.append((float(each.number), score if is_better else before))
    tried = _dots([(float(each.number), each.score) for each in search.trials])
    history = line_chart(
        "scores of the trials", "trial", [ChartLine("best so far", best), ChartLine("trial", tried)]
    )
    charts = [Chart(f"{title} of the trials", history)]
    for key in search.keys:
        points = sorted(_points(search, key), key=lambda each: each[0])
        name = f"log10 of {key.key}" if key.log else key.key
        if points:
            svg = line_chart(f"{title} by {key.key}", name, [ChartLine("trial", _dots(points))])
            charts.append(Chart(f"{title} by {key.key}", svg, _choices(key)))
    return [each for each in charts if each.svg]


def _points(search: SearchResult, key: SearchKey) -> list[tuple[float, float | None]]:
    """Return (value, score) of the finished trials; of choices the number from 1."""
    found: list[tuple[float, float | None]] = []
    for each in search.trials:
        if each.state != "finished":
            continue
        for text in each.set_:
            name, _, value = text.partition("=")
            if name != key.key:
                continue
            if key.choices:
                found.append((key.choices.index(value) + 1.0, each.score))
            else:
                number = float(parse_assignment(text)[2])
                found.append((math.log10(number) if key.log else number, each.score))
    return found


def _choices(key: SearchKey) -> str:
    return "; ".join(f"{number}: {text}" for number, text in enumerate(key.choices, start=1))


def _dots(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """Return points that are not connected: a line with a gap after each of them."""
    return [part for x, y in points for part in ((x, y), (x, None))]
