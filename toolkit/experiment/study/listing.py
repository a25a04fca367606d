"""The studies of a project, with what the records of the team say of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from toolkit.errors import TrashError
from toolkit.project import Project
from toolkit.recipe.study import is_study, read_study
from toolkit.records.catalogue import read_records
from toolkit.records.record import StudyRecord


@dataclass(frozen=True)
class StudyLine:
    """A study of the list.

    Attributes:
        path: its file, below `recipes/`.
        title: of the study.
        variants: number of them; None = a search.
        trials: of a search, the number of them.
        seeds: number of them.
        author: who ran it last; "" = nobody yet.
        best: the best variant then.
        gain: how much it gained over the first one: mean ± spread.
    """

    path: str
    title: str
    variants: int | None
    trials: int | None
    seeds: int
    author: str = ""
    best: str = ""
    gain: str = ""


def list_studies(project: Project) -> tuple[list[StudyLine], list[str]]:
    """Return the studies below `recipes/`, and what is wrong with those that cannot be read."""
    rows, broken = [], []
    newest: dict[str, StudyRecord] = {}
    catalogue = read_records(project)
    for each in sorted(catalogue.of(StudyRecord), key=lambda each: each.record.created):
        if each.record.study is not None:
            newest[each.record.study] = each.record
    for file in sorted(project.recipes.glob("**/*.toml")):
        if not is_study(file):
            continue
        try:
            study = read_study(file)
        except TrashError as error:
            broken.append(error.message)
            continue
        name = file.relative_to(project.root).as_posix()
        trials = None if study.search is None else study.search.trials
        variants = len(study.variants) if trials is None else None
        shown = PurePosixPath(name).relative_to("recipes").as_posix()
        run = _outcome(newest.get(name))
        rows.append(StudyLine(shown, study.title, variants, trials, len(study.seeds), *run))
    return rows, broken


def _outcome(record: StudyRecord | None) -> tuple[str, str, str]:
    """Return author, best variant and its gain of a study that was run."""
    if record is None:
        return "", "", ""
    gains = [(row["gain"]["mean"], row) for row in record.rows if _mean(row) is not None]
    if not gains:
        return record.author, "", ""
    mean, row = max(gains, key=lambda each: each[0])
    if mean <= 0:
        return record.author, str(record.rows[0].get("name", "")), ""
    deviation = row["gain"].get("deviation")
    spread = "" if deviation is None else f" ± {deviation:.4f}"
    return record.author, str(row.get("name", "")), f"{mean:+.4f}{spread}"


def _mean(row: dict[str, Any]) -> float | None:
    """Return the gain of a row of a record, which somebody may have changed by hand."""
    gain = row.get("gain")
    mean = gain.get("mean") if isinstance(gain, dict) else None
    return mean if isinstance(mean, float) else None
