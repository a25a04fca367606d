"""Making the plan of a recipe from the recipes and rounds that it needs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from toolkit.data.content_digests import content_digest
from toolkit.data.contest import Contest, open_contest, open_unlabelled, own_classes
from toolkit.data.crops import require_fit_for_crops
from toolkit.data.excerpt import contest_to_overfit, excerpt, limited_contest
from toolkit.data.sampling import require_weights
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.experiment.find import names_checkpoint
from toolkit.experiment.planning.all_data import refuse_what_needs_validation, validating
from toolkit.experiment.planning.keys import labelling_key, training_files, used_plugins
from toolkit.experiment.planning.leaks import (
    refuse_member,
    refuse_start,
    refuse_teacher,
    refuse_unlabelled,
)
from toolkit.experiment.planning.plan import Labelling, Plan, PlannedMember, Training, in_order
from toolkit.experiment.planning.references import (
    TEACHER,
    Reference,
    References,
    find_references,
    problem_at,
)
from toolkit.metrics.scores import build_metrics
from toolkit.plugin.interfaces import Context
from toolkit.recipe.assignment import parse_assignment
from toolkit.recipe.error_location import with_location
from toolkit.recipe.load import LoadedRecipe, load_recipe
from toolkit.recipe.problems import KeyPath, RecipeError, shown_path
from toolkit.recipe.schema import Data, Recipe
from toolkit.recipe.schema_keys import effect_of
from toolkit.recipe.smoke import SmokeRun, smoke_values
from toolkit.recipe.trial import Trial, trial_values
from toolkit.train.device import choose_device
from toolkit.train.inputs import training_inputs, training_key
from toolkit.workspace import Workspace


def load_for_run(
    workspace: Workspace,
    path: Path,
    set_: Sequence[str],
    unset: Sequence[str],
    trial: Trial | None = None,
) -> LoadedRecipe:
    """Load a recipe as `recipe run` does: with overrides, and with the values of a trial."""
    loaded = load_recipe(
        path, project=workspace.project, registry=workspace.registry, set_=set_, unset=unset
    )
    if trial is None:
        return loaded
    values = (
        _smoke_values(workspace, loaded)
        if trial.kind == "smoke"
        else trial_values(loaded.recipe, trial, set_)
    )
    last = (trial.option, values)
    return load_recipe(path, project=workspace.project, set_=set_, unset=unset, last=last)


def _smoke_values(workspace: Workspace, loaded: LoadedRecipe) -> dict[str, Any]:
    classes = own_classes(workspace, loaded.recipe.data)

    def is_checkpoint(text: str) -> bool:
        return text != TEACHER and names_checkpoint(text, workspace.project)

    on_cpu = choose_device(loaded.recipe.train.device).type == "cpu"
    run = SmokeRun(workspace.project.cache, classes, is_checkpoint, on_cpu)
    values = smoke_values(loaded.recipe, run)
    if loaded.recipe.train.start_head is not None:  # on drawn images it has the same classes
        values["train"]["start"] = None
    return values


def make_plan(
    workspace: Workspace,
    loaded: LoadedRecipe,
    *,
    trial: Trial | None = None,
    contest: Contest | None = None,
) -> Plan:
    """Return the stages that a recipe leads to, having opened the data of each.

    Args:
        workspace: the project, its components, and who is told what happens.
        loaded: the recipe.
        trial: that the recipe was loaded for; what it needs is loaded for it, too.
        contest: the data of the recipe, where they are open already.

    Raises:
        RecipeError: it names what is not there, or needs itself; with file and line.
        UsageError: data do not fit together, a teacher has other classes or has seen validation
            images, or images to be pseudo-labelled are in training or validation.
    """
    planner = _Planner(workspace, trial)
    if contest is not None:
        planner.contests[_data_key(loaded.recipe.data)] = contest
    return in_order(planner.training(loaded, chain=()))


def tried_contest(contest: Contest, recipe: Recipe, trial: Trial | None) -> Contest:
    """Return what a trial of a recipe sees of its contest."""
    if trial is not None and trial.kind == "limit":
        return limited_contest(contest, trial.count, recipe.seed)
    if trial is not None and trial.kind == "overfit":
        return contest_to_overfit(contest, trial.count * recipe.train.batch_size, recipe.seed)
    return contest


def check_stages(
    workspace: Workspace, loaded: LoadedRecipe, contest: Contest | None
) -> Plan | None:
    """Find what is wrong with the recipes and checkpoints that a recipe names.

    With its data the plan is made, with all guards, and returned; without, the references are
    followed alone.

    Raises:
        RecipeError: it names what is not there, or needs itself; with file and line.
        UsageError: as `make_plan`.
    """
    if contest is not None:
        return make_plan(workspace.silent, loaded, contest=contest)
    _follow(workspace, loaded, ())
    return None


def _follow(workspace: Workspace, loaded: LoadedRecipe, chain: tuple[Path, ...]) -> None:
    refuse_what_needs_validation(loaded)
    references = find_references(workspace, loaded)
    chain = (*chain, loaded.path.resolve())
    start = () if references.start is None else (references.start,)
    for reference in (*references.teachers, *start, *references.members):
        if reference.recipe is not None:
            _refuse_circle(loaded, reference, chain)
            needed = load_recipe(
                reference.recipe, project=workspace.project, registry=workspace.registry
            )
            _follow(workspace, needed, chain)


def _refuse_circle(loaded: LoadedRecipe, reference: Reference, chain: tuple[Path, ...]) -> None:
    assert reference.recipe is not None
    path = reference.recipe.resolve()
    if path in chain:
        circle = " -> ".join(shown_path(each) for each in (*chain, path))
        error = UsageError(f"the recipes need each other in a circle: {circle}")
        raise RecipeError(loaded.path, [problem_at(loaded, reference.key, error)])


def _is_of_the_data(text: str, *, has_folds: bool) -> bool:
    """Whether a `--set` text says which data there are, also for the recipes that one needs."""
    path = parse_assignment(text)[0]
    if path[:2] == ("data", "folds"):
        return has_folds
    effect = effect_of(path)
    return len(path) > 1 and path[0] == "data" and not (effect is not None and effect.of_network)


def _data_key(data: Data) -> str:
    return json.dumps(data.model_dump(mode="json"), sort_keys=True)


_Guard = Callable[[Workspace, PlannedMember, Contest, Data], str | None]
"""Refuses a network, or returns what cannot be told about it."""


@dataclass(frozen=True)
class _Planner:
    workspace: Workspace
    trial: Trial | None
    contests: dict[str, Contest] = field(default_factory=dict)
    trainings: dict[Path, Training] = field(default_factory=dict)

    def training(self, loaded: LoadedRecipe, chain: tuple[Path, ...]) -> Training:
        """Return the training of a recipe; `chain` are the recipes that need it."""
        references = find_references(self.workspace, loaded)
        chain = (*chain, loaded.path.resolve())
        refuse_what_needs_validation(loaded)
        contest = self.contest(loaded, chain)
        start = None
        if references.start is not None:
            source = self.source(references.start, loaded, chain)
            new_head = loaded.recipe.train.start_head is not None
            guard = partial(refuse_start, new_head=new_head)
            self.check_source(loaded, references.start.key, source, contest, guard)
            start = source.network
        final = self.rounds(loaded, contest, references, start, chain)
        members = tuple(self.source(each, loaded, chain) for each in references.members)
        for reference, member in zip(references.members, members, strict=True):
            self.check_source(loaded, reference.key, member, contest, refuse_member)
        return replace(final, members=members)

    def rounds(
        self,
        loaded: LoadedRecipe,
        contest: Contest,
        references: References,
        start: Training | Path | None,
        chain: tuple[Path, ...],
    ) -> Training:
        """Return the training of the last round."""
        pseudo = loaded.recipe.pseudo
        if pseudo is None:
            return self.round(loaded, loaded.recipe, contest, loaded.name, None, start)
        unlabelled = self.unlabelled(loaded, contest)
        teachers = tuple(self.source(each, loaded, chain) for each in references.teachers)
        for reference, teacher in zip(references.teachers, teachers, strict=True):
            self.check_source(loaded, reference.key, teacher, contest, refuse_teacher)
        if not teachers and references.labels is None:
            plain = loaded.recipe.model_copy(update={"pseudo": None})
            own = self.round(loaded, plain, contest, f"{loaded.name}.round-0", None, start)
            teachers = (PlannedMember(own),)
        for number in range(1, pseudo.rounds + 1):
            file = references.labels if number == 1 else None
            key = labelling_key(self.workspace, loaded.recipe, unlabelled, teachers, file)
            name = f"{loaded.name}, round {number}" if pseudo.rounds > 1 else loaded.name
            labels = Labelling(name, pseudo, loaded.recipe, unlabelled, teachers, file, number, key)
            name = loaded.name if number == pseudo.rounds else f"{loaded.name}.round-{number}"
            begin = start
            if references.starts_from_teacher and teachers:
                begin = teachers[0].network
            training = self.round(loaded, loaded.recipe, contest, name, labels, begin)
            teachers = (PlannedMember(training),)
        return training

    def round(
        self,
        loaded: LoadedRecipe,
        recipe: Recipe,
        contest: Contest,
        name: str,
        labels: Labelling | None,
        start: Training | Path | None,
    ) -> Training:
        """Return one training of a recipe."""
        self.check_data(loaded, contest)
        keys = training_files(self.workspace, recipe)
        if labels is not None:
            keys["pseudo-labels"] = labels.key
        if isinstance(start, Training):
            keys["start"] = start.key
        elif start is not None:
            keys["start"] = content_digest(start, self.workspace.project.cache, what="checkpoint")
        inputs = training_inputs(recipe, contest, keys)
        key = training_key(inputs, used_plugins(recipe, self.workspace.registry))
        return Training(name, loaded, recipe, contest, key, keys, labels, start)

    def check_data(self, loaded: LoadedRecipe, contest: Contest) -> None:
        """Refuse native crops, or weights of images, that do not fit the recipe or its data."""
        sampling = loaded.recipe.data.sampling
        try:
            require_fit_for_crops(
                loaded.recipe,
                build_metrics(
                    self.workspace.registry, loaded.recipe.metric, Context(contest.class_names)
                ),
            )
            if sampling is not None:
                require_weights(sampling, contest.train, self.workspace.project)
        except TrashError as error:
            key = tuple((error.parameter or "data.sampling.file").split("."))
            raise RecipeError(loaded.path, [problem_at(loaded, key, error)]) from None

    def source(
        self, reference: Reference, loaded: LoadedRecipe, chain: tuple[Path, ...]
    ) -> PlannedMember:
        """Return the network behind a reference of a recipe."""
        if reference.checkpoint is not None:
            return PlannedMember(reference.checkpoint, reference.views)
        assert reference.recipe is not None
        _refuse_circle(loaded, reference, chain)
        path = reference.recipe.resolve()
        if path not in self.trainings:
            needed = load_for_run(
                self.workspace,
                reference.recipe,
                self.overrides(reference.recipe, loaded),
                (),
                self.trial,
            )
            # Its own submission may have members; the network is needed here.
            self.trainings[path] = replace(self.training(needed, chain), members=())
        return PlannedMember(self.trainings[path], reference.views)

    def overrides(self, path: Path, by: LoadedRecipe) -> tuple[str, ...]:
        """Return what changes in a recipe that another one needs.

        What was said of the data with `--set` holds for all, but for the size and normalisation of
        a network's input; and the same fold must be held out everywhere.
        """
        wanted = by.recipe.data.folds
        other = load_recipe(path, project=self.workspace.project).recipe.data.folds
        texts = [
            text
            for option, text in itertools.pairwise(by.options)
            if option == "--set" and _is_of_the_data(text, has_folds=other is not None)
        ]
        if wanted is not None and other is not None and wanted.file == other.file:
            texts += [f"data.folds.index={wanted.index}"] if wanted != other else []
        return tuple(texts)

    def contest(self, loaded: LoadedRecipe, chain: tuple[Path, ...]) -> Contest:
        """Open the data of a recipe, once for all recipes with the same."""
        recipe, data = loaded.recipe, loaded.recipe.data
        text = _data_key(data)
        if text not in self.contests:
            try:
                whole = open_contest(self.workspace, data)
                self.contests[text] = tried_contest(whole, recipe, self.trial)
            except TrashError as error:
                error = with_location(error, loaded)
                if len(chain) > 1:
                    needed, by = shown_path(loaded.path), shown_path(chain[-2])
                    error.message = f"{needed}, which {by} needs: {error.message}"
                raise error from error.__cause__
        return self.contests[text]

    def unlabelled(self, loaded: LoadedRecipe, contest: Contest) -> Split:
        """Return the images that are to be pseudo-labelled."""
        pseudo, data = loaded.recipe.pseudo, loaded.recipe.data
        assert pseudo is not None
        key = ("pseudo", "images") if pseudo.images else ("pseudo",)
        try:
            if pseudo.images is not None:
                split = open_unlabelled(self.workspace, data, pseudo.images, contest)
                if self.trial is not None and self.trial.kind == "limit":
                    split = excerpt(split, self.trial.count, loaded.recipe.seed)
            elif contest.test is not None:
                split = contest.test
            else:
                raise UsageError(
                    "there are no images to label: data.test is unset",
                    "Name them with pseudo.images, or set data.test.",
                )
            warning = refuse_unlabelled(split, contest)
        except TrashError as error:
            raise RecipeError(loaded.path, [problem_at(loaded, key, error)]) from None
        if warning:
            self.workspace.progress.say(f"warning: {warning}")
        return split

    def check_source(
        self,
        loaded: LoadedRecipe,
        key: KeyPath,
        source: PlannedMember,
        contest: Contest,
        refuse: _Guard,
    ) -> None:
        """Refuse a teacher, start or member that does not fit; warn of what cannot be told."""
        try:
            judged = validating(contest, loaded)
            warning = refuse(self.workspace, source, judged, loaded.recipe.data)
        except TrashError as error:
            raise RecipeError(loaded.path, [problem_at(loaded, key, error)]) from None
        if warning:
            self.workspace.progress.say(f"warning: {warning}")
