"""The record of a series, which tells the team what its summary tells its author."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.files import read_json
from toolkit.project import Project
from toolkit.recipe.load import LoadedRecipe
from toolkit.records.author import author_name, author_slug
from toolkit.records.record import SeriesRecord, new_record_name, record_path, write_record
from toolkit.submission.side_car import portable_path
from toolkit.submission.team_record import code_used


def series_record_name(project: Project, summary: Path) -> str:
    """Return the name of the record of a series: that of before if it is done again.

    Args:
        project: has the records.
        summary: file of its summary, which may be there from before.
    """
    author = author_name(project)
    try:
        before = str(read_json(summary, "series").get("record"))
    except (UsageError, AttributeError):  # none, or none that says anything
        before = ""
    own = re.escape(f"{author_slug(author)}/{summary.stem}-")
    return (
        before if re.fullmatch(f"{own}[0-9a-f]+", before) else new_record_name(author, summary.stem)
    )


def write_series_record(
    project: Project, name: str, summary: Mapping[str, Any], path: Path, loaded: LoadedRecipe
) -> None:
    """Write the record of a series.

    Args:
        project: has the records.
        name: of the record.
        summary: the content of its summary.
        path: of the summary.
        loaded: the recipe as its first run had it.
    """
    submission = summary["submission"]
    if submission is not None:
        submission = portable_path(Path(submission), project.root)
    record = SeriesRecord(
        author=author_name(project),
        name=path.stem,
        recipe=portable_path(loaded.path, project.root),
        title=loaded.recipe.title,
        options=loaded.options,
        created=now(),
        code=code_used(project),
        summary={**summary, "submission": submission},
    )
    write_record(record_path(project, name), record)
