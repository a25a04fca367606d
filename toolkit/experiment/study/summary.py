"""What a study leaves: its summary in `runs/`, and its record for the team."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.experiment.study.run import Comparison
from toolkit.experiment.study.scores import Spread, StudyRow, gain, spread, within_noise
from toolkit.experiment.study.search import SearchResult
from toolkit.files import read_json, write_json_atomic
from toolkit.project import Project
from toolkit.records.author import author_name, author_slug
from toolkit.records.record import StudyRecord, new_record_name, record_path, write_record
from toolkit.submission.side_car import portable_path
from toolkit.submission.team_record import code_used

SCHEMA = "trash-study"
VERSION = 1
SUFFIX = ".study.json"


def summary_path(project: Project, name: str) -> Path:
    """Return where the summary of a study lies."""
    return project.runs / f"{name}{SUFFIX}"


def study_summary(
    comparison: Comparison, rows: Sequence[StudyRow], search: SearchResult | None = None
) -> dict[str, Any]:
    """Return scores of a study as plain values; figures that are not known are None.

    Args:
        comparison: what was compared.
        rows: its scores, the first is the baseline.
        search: the trials before it.
    """
    first = rows[0]
    found: dict[str, Any] = {
        "study": comparison.name,
        "title": comparison.title,
        "metric": first.metric,
        "larger_is_better": first.larger_is_better,
        "rows": [_row(row, first) for row in rows],
    }
    if search is not None:
        found["trials"] = [asdict(each) for each in search.trials]
    return found


def _row(row: StudyRow, first: StudyRow) -> dict[str, Any]:
    tests = [each.test for each in row.outcomes]
    over = row.over_first
    is_first = row is first
    return {
        "name": row.name,
        "recipe": row.recipe,
        "title": row.title,
        "validation": _figures(spread([each.validation for each in row.outcomes])),
        "test": _figures(spread(tests)),
        "gain": None if is_first else _figures(gain(row, first)),
        "within_noise_of_seeds": None if is_first else within_noise(row, first),
        "over_first": None if over is None else asdict(over),
        "seconds": row.seconds,
        "reference": dict(row.reference),
        "outcomes": [
            {**asdict(each), "iou": [None if math.isnan(iou) else iou for iou in each.iou]}
            for each in row.outcomes
        ],
        "classes": list(row.class_names),
    }


def _figures(found: Spread) -> dict[str, float | None]:
    return {name: None if math.isnan(v) else v for name, v in asdict(found).items()}


def write_summary(project: Project, summary: dict[str, Any], *, study: Path | None) -> Path:
    """Write the summary of a study into `runs/`, and its record; return the summary's file.

    A study that is done again has the record that it had.

    Args:
        project: has the records.
        summary: from `study_summary`.
        study: its file; None = recipes were compared.
    """
    name = summary["study"]
    path = summary_path(project, name)
    author = author_name(project)
    try:
        record = str(read_json(path, "study").get("record"))
    except (UsageError, AttributeError):  # none, or none that says anything
        record = ""
    # A summary that was copied from a mate names a record that is his.
    if not record.startswith(f"{author_slug(author)}/{name}-"):
        record = new_record_name(author, name)
    rows = [
        {**row, "recipe": portable_path(Path(row["recipe"]), project.root)}
        for row in summary["rows"]
    ]
    header = {"schema": SCHEMA, "version": VERSION}
    found = StudyRecord(
        author=author,
        name=name,
        study=None if study is None else portable_path(study, project.root),
        title=summary["title"],
        created=now(),
        code=code_used(project),
        metric=summary["metric"],
        larger_is_better=summary["larger_is_better"],
        rows=tuple(rows),
    )
    try:
        write_json_atomic(path, {**header, **summary, "rows": rows, "record": record})
    finally:  # the team has its scores even where this disk refuses the file
        write_record(record_path(project, record), found)
    return path


def read_summary(project: Project, name: str) -> dict[str, Any]:
    """Return the summary of a study that was run on this machine.

    Raises:
        UsageError: there is none; the hint names those that are there.
    """
    path = summary_path(project, name)
    if not path.is_file():
        there = sorted(each.name.removesuffix(SUFFIX) for each in project.runs.glob(f"*{SUFFIX}"))
        raise UsageError(
            f"no study {name} was run here",
            f"There are: {', '.join(there)}" if there else "Run one: trash study run STUDY",
        )
    summary: dict[str, Any] = read_json(path, "study")
    is_ours = isinstance(summary, dict) and summary.get("schema") == SCHEMA
    if not is_ours or summary.get("version") != VERSION:
        raise UsageError(f"{path} is no summary of a study of this version", "Run it again.")
    return summary
