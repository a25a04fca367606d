"""The studies of a project, with what the records of the team say of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from toolkit.errors import TrashError
from toolkit.experiment.study.run import PART
from toolkit.project import Project
from toolkit.recipe.study import is_study, read_study
from toolkit.records.catalogue import read_records
from toolkit.records.record import StudyRecord
from toolkit.records.study_listing import StudyResult, result_of_study


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
    newest: dict[str, StudyResult] = {}
    catalogue = read_records(project)
    for each in sorted(catalogue.of(StudyRecord), key=lambda each: each.record.created):
        if each.record.study is not None and not each.record.name.endswith(PART):
            newest[each.record.study] = result_of_study(each)
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
        last = newest.get(name)
        run = ("", "", "") if last is None else (last.author, last.best, last.gain)
        rows.append(StudyLine(shown, study.title, variants, trials, len(study.seeds), *run))
    return rows, broken
