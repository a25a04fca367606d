"""What a recipe needs from elsewhere: other recipes and checkpoints, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import TrashError, UsageError
from toolkit.experiment.find import find_checkpoint, names_checkpoint
from toolkit.predict.members import parse_member_ref
from toolkit.predict.views import parse_views
from toolkit.recipe.find import find_recipe
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import KeyPath, RecipeError, RecipeProblem, dotted
from toolkit.workspace import Workspace

TEACHER = "teacher"
"""`train.start` with this value begins with the weights of the first teacher."""


@dataclass(frozen=True)
class Reference:
    """A recipe or checkpoint that a recipe names.

    Attributes:
        key: where it is named.
        recipe: file of the recipe, or None for a checkpoint.
        checkpoint: the checkpoint, or None for a recipe.
        views: test-time views given to it; None = those of its own recipe.
    """

    key: KeyPath
    recipe: Path | None
    checkpoint: Path | None
    views: str | None


@dataclass(frozen=True)
class References:
    """Everything that a recipe needs from elsewhere.

    Attributes:
        teachers: what predicts its pseudo-labels.
        labels: submission file with its pseudo-labels, in place of teachers.
        start: what its training begins with; None = the model's own weights, or the teacher.
        starts_from_teacher: `train.start = "teacher"`.
        members: what its submission is combined with.
    """

    teachers: tuple[Reference, ...] = ()
    labels: Path | None = None
    start: Reference | None = None
    starts_from_teacher: bool = False
    members: tuple[Reference, ...] = ()


def find_references(workspace: Workspace, loaded: LoadedRecipe) -> References:
    """Find the files behind what a recipe names; nothing is read of them.

    Paths are relative to the project folder; recipes and runs are also found by their names.

    Raises:
        RecipeError: everything that is not there or makes no sense, each with file and line.
    """
    problems: list[RecipeProblem] = []

    def each(
        key: KeyPath, texts: tuple[str, ...], find: Callable[[KeyPath, str], Reference]
    ) -> tuple[Reference, ...]:
        found = []
        for index, text in enumerate(texts):
            place = (*key, index)
            try:
                found.append(find(place, text))
            except TrashError as error:
                problems.append(problem_at(loaded, place, error))
        return tuple(found)

    def find(key: KeyPath, text: str) -> Reference:
        return _reference(workspace, key, text)

    recipe = loaded.recipe
    pseudo = recipe.pseudo
    teachers = each(("pseudo", "teachers"), pseudo.teachers if pseudo else (), find)
    members = each(("members",), recipe.members, find)
    labels = None
    if pseudo is not None and pseudo.labels is not None:
        labels = workspace.project.path(pseudo.labels)
        problems += _label_problems(loaded, labels)
    start = None
    from_teacher = recipe.train.start == TEACHER
    if recipe.train.start is not None:
        key = ("train", "start")
        try:
            if from_teacher:
                _require_teacher(loaded)
            else:
                start = find(key, recipe.train.start)
        except TrashError as error:
            problems.append(problem_at(loaded, key, error))
    if recipe.train.start_head is not None and start is None and not problems:
        problems.append(problem_at(loaded, ("train", "start_head"), _no_head(from_teacher)))
    if problems:
        raise RecipeError(loaded.path, problems)
    return References(teachers, labels, start, from_teacher, members)


def problem_at(loaded: LoadedRecipe, key: KeyPath, error: TrashError) -> RecipeProblem:
    """Return an error as a mistake of the recipe at a key."""
    origin = loaded.layers.origin(key) or loaded.origin(key)
    return RecipeProblem(origin, dotted(key), error.message, error.hint)


def _reference(workspace: Workspace, key: KeyPath, text: str) -> Reference:
    choice = parse_member_ref(text)
    if choice.views is not None:
        parse_views(choice.views, workspace.registry)
    if names_checkpoint(text, workspace.project):
        found = find_checkpoint(text, workspace.project, base=workspace.project.root)
        return Reference(key, None, found.path, found.views)
    path = workspace.project.path(str(choice.path))
    recipe = path if path.is_file() else find_recipe(choice.path, workspace.project)
    return Reference(key, recipe, None, choice.views)


def _label_problems(loaded: LoadedRecipe, labels: Path) -> list[RecipeProblem]:
    pseudo = loaded.recipe.pseudo
    assert pseudo is not None
    wrong = []
    if pseudo.teachers:
        wrong.append(UsageError("labels come from a file or from teachers, not both"))
    if pseudo.soft:
        wrong.append(
            UsageError("a file of labels has no probabilities: soft = true needs teachers")
        )
    if not labels.is_file():
        wrong.append(UsageError(f"there is no file {labels}"))
    return [problem_at(loaded, ("pseudo", "labels"), error) for error in wrong]


def _no_head(from_teacher: bool) -> UsageError:
    why = "a teacher has the classes of the recipe" if from_teacher else "train.start is unset"
    return UsageError(
        f"{why}: there is no head to leave out",
        "Leave out train.start_head, or name a network with other classes with train.start.",
    )


def _require_teacher(loaded: LoadedRecipe) -> None:
    pseudo = loaded.recipe.pseudo
    if pseudo is None or (pseudo.labels is not None and pseudo.rounds == 1):
        raise UsageError(
            'train.start = "teacher", but the recipe has no teacher',
            "Name a recipe or a checkpoint there, or give it pseudo.teachers.",
        )
