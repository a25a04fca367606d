"""The object bank of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cli import console
from toolkit.project import Project

if TYPE_CHECKING:
    from toolkit.data.contest import Contest
    from toolkit.objects.object_bank import ObjectStore
    from toolkit.recipe.schema import Recipe


def contest_of(recipe: Recipe, project: Project) -> Contest:
    """Open the data of a recipe."""
    from toolkit.data.contest import open_contest

    return open_contest(recipe.data, project, console.make_progress())


def bank_of(recipe: Recipe, contest: Contest, project: Project) -> ObjectStore:
    """Open the bank that a training of the recipe uses; it is made where there is none."""
    from toolkit.objects.object_bank import open_object_bank

    return open_object_bank(
        recipe.objects,
        contest.train,
        [split for split in (contest.val, contest.test) if split],
        cache=project.cache,
        project=project,
        progress=console.make_progress(),
    )
