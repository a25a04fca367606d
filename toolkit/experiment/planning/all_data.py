"""Training on all images, `train.on = "all"`: nothing is left to validate on."""

from __future__ import annotations

from dataclasses import replace

from toolkit.data.contest import Contest
from toolkit.errors import UsageError
from toolkit.experiment.planning.references import problem_at
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import RecipeError


def refuse_patience(loaded: LoadedRecipe) -> None:
    """Refuse a recipe that trains on all images and would stop by a validation score.

    Raises:
        RecipeError: with file and line.
    """
    train = loaded.recipe.train
    if train.on == "all" and train.patience:
        error = UsageError(
            f'train.patience = {train.patience}, but with train.on = "all" there is no validation '
            "score to wait for",
            "Set train.patience = 0, and train.epochs to the number that you want.",
        )
        raise RecipeError(loaded.path, [problem_at(loaded, ("train", "patience"), error)])


def refuse_to_score(loaded: LoadedRecipe, what: str) -> None:
    """Refuse a recipe that trains on all images where validation scores are needed.

    Args:
        loaded: the recipe.
        what: needs them, as in "a comparison".

    Raises:
        RecipeError: with file and line.
    """
    if loaded.recipe.train.on == "all":
        error = UsageError(
            f'{what} needs validation scores, and with train.on = "all" there are none: all images '
            "are trained on",
            "Choose by trainings without it, then train what was chosen on all images.",
        )
        raise RecipeError(loaded.path, [problem_at(loaded, ("train", "on"), error)])


def validating(contest: Contest, loaded: LoadedRecipe) -> Contest:
    """Return the contest as leak guards see it: of a recipe on all images, none validates."""
    if loaded.recipe.train.on == "all":
        return replace(contest, val=contest.val.excerpt([]))
    return contest
