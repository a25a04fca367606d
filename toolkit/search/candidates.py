"""Candidates of `trash ensemble search`: checkpoints, runs, and series of folds or seeds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, TypeAdapter

from toolkit.data.contest import Contest, open_contest
from toolkit.data.split import Split
from toolkit.ensemble.combine import MemberMaps
from toolkit.errors import UsageError
from toolkit.experiment.execution.series import SCHEMA, VERSION
from toolkit.experiment.find import find_checkpoint
from toolkit.file_schema import FileLayout, PathText
from toolkit.predict.exposure import Division, divisions_of, refuse_exposed
from toolkit.predict.member import Member, member_name
from toolkit.predict.members import (
    MemberRef,
    choose_prediction_device,
    load_members,
    parse_member_ref,
    prediction_recipe,
)
from toolkit.predict.predictor import predict_split
from toolkit.project import Project, refuse_other_project
from toolkit.recipe.schema import Recipe
from toolkit.search.held_out import HeldOutPart
from toolkit.submission.submit_options import with_options
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class Candidate:
    """A checkpoint, or the runs of a series, which are averaged.

    Attributes:
        name: short name for people.
        members: its checkpoints, each with its views.
    """

    name: str
    members: tuple[MemberRef, ...]


@dataclass(frozen=True)
class OpenedCandidates:
    """Candidates with their maps of held-out images.

    Attributes:
        recipe: of the first checkpoint: data, number type, format.
        contest: the data that it says.
        members: the loaded checkpoints of every candidate.
        parts: the held-out images, with one store per candidate.
    """

    recipe: Recipe
    contest: Contest
    members: tuple[tuple[Member, ...], ...]
    parts: tuple[HeldOutPart, ...]


def find_candidates(
    texts: Sequence[str], project: Project, views: str | None = None
) -> list[Candidate]:
    """Return what the words of a command line name.

    Each is a checkpoint or a run, see `find_checkpoint`, or the summary of a series
    (runs/NAME.json).

    Raises:
        UsageError: no such file, a folder without a checkpoint, or a candidate named twice.
    """
    found = [_candidate(text, project, views) for text in texts]
    names = [each.name for each in found]
    files = [[(each.path.resolve(), each.views) for each in own.members] for own in found]
    for text, own in zip(texts, files, strict=True):
        if files.count(own) > 1:
            raise UsageError(
                f"{text} is named twice", "Name it once: the search may count it twice by itself."
            )
    # The same checkpoint with other views, or files of one name in two folders.
    return [
        candidate if names.count(candidate.name) == 1 else Candidate(text, candidate.members)
        for candidate, text in zip(found, texts, strict=True)
    ]


def _candidate(text: str, project: Project, views: str | None) -> Candidate:
    choice = parse_member_ref(text, views)
    series = (choice.path, project.root / choice.path, project.runs / choice.path)
    file = next((path for path in series if path.is_file()), None)
    if choice.path.suffix == ".json" and file is not None:
        refuse_other_project(file, project)
        return Candidate(file.stem, _runs_of_series(MemberRef(file, choice.views), project))
    choice = find_checkpoint(text, project, views)
    return Candidate(member_name(choice.path), (choice,))


def _runs_of_series(choice: MemberRef, project: Project) -> tuple[MemberRef, ...]:
    summary = _SUMMARY.read(choice.path)
    return tuple(MemberRef(project.root / run.checkpoint, choice.views) for run in summary.runs)


class _Run(BaseModel):
    checkpoint: PathText


class _Summary(BaseModel):
    """What is read of the summary of a series, see `toolkit.experiment.execution.series`."""

    runs: Annotated[tuple[_Run, ...], Field(min_length=1)]


_SUMMARY = FileLayout(
    "summary of a series",
    TypeAdapter(_Summary),
    VERSION,
    SCHEMA,
    origin="`trash recipe run RECIPE --folds` writes it to runs/.",
    repair="Run its recipe again.",
)


def open_candidates(
    workspace: Workspace,
    candidates: Sequence[Candidate],
    *,
    data_root: Path | None = None,
    store: str | None = None,
    device: str | None = None,
) -> OpenedCandidates:
    """Load all checkpoints and predict the images that they were not trained on, if need be.

    Raises:
        UsageError: candidates with other classes, or with other held-out images; no such number
            type.
    """
    project = workspace.project
    first = candidates[0].members[0]
    recipe = with_options(prediction_recipe(first, project, None, data_root), store=store)
    contest = open_contest(workspace, recipe.data)
    where = choose_prediction_device(recipe, device)
    members = tuple(
        tuple(load_members(each.members, contest.class_names, workspace.registry, where))
        for each in candidates
    )
    parts = []
    for judged in _by_division(candidates, members):
        split = _held_out_images(workspace, judged[0][0], data_root)
        refuse_exposed(list(itertools.chain(*judged)), split)

        def maps(own: Sequence[Member], split: Split = split) -> MemberMaps:
            """Return the maps of a candidate: the mean of those of its runs."""
            stores = [
                predict_split(
                    member,
                    split,
                    cache=project.cache,
                    store=recipe.predict.store,
                    progress=workspace.progress,
                )
                for member in own
            ]
            return stores[0] if len(stores) == 1 else _Average(tuple(stores))

        parts.append(HeldOutPart(split, tuple(maps(own) for own in judged)))
    for member in itertools.chain(*members):
        member.release()
    return OpenedCandidates(recipe, contest, members, tuple(parts))


def _held_out_images(workspace: Workspace, member: Member, data_root: Path | None) -> Split:
    recipe = prediction_recipe(MemberRef(member.path), workspace.project, None, data_root)
    return open_contest(workspace, recipe.data).val


def _by_division(
    candidates: Sequence[Candidate], members: Sequence[Sequence[Member]]
) -> list[list[list[Member]]]:
    """Return per division of the images the members of each candidate that leave the same out."""
    divisions = iter(divisions_of(list(itertools.chain(*members))))
    own: list[dict[Division, list[Member]]] = []
    for each in members:
        own.append({})
        for member in each:
            own[-1].setdefault(next(divisions), []).append(member)
    for candidate, found in zip(candidates[1:], own[1:], strict=True):
        if found.keys() != own[0].keys():
            raise UsageError(
                f"{candidate.name} and {candidates[0].name} were trained on other divisions of the "
                "images: there are no images that neither has seen",
                "Choose among runs with the same data.train, data.val and data.folds, or among "
                "series of the same folds.",
            )
    return [[each[division] for each in own] for division in own[0]]


@dataclass(frozen=True)
class _Average:
    """Maps of several runs on the same images, averaged as they are read."""

    stores: tuple[MemberMaps, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.stores[0].class_names

    @property
    def file_names(self) -> tuple[str, ...]:
        return self.stores[0].file_names

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        return self.stores[0].sizes

    def read(self, position: int) -> NDArray[np.float32]:
        total = self.stores[0].read(position)
        for store in self.stores[1:]:
            total += store.read(position)
        total /= np.float32(len(self.stores))
        return total
