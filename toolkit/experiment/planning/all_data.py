"""Training on all images, `train.on = "all"`: nothing is left to validate on."""

from __future__ import annotations

from dataclasses import replace

from toolkit.data.contest import Contest
from toolkit.errors import UsageError
from toolkit.experiment.planning.references import problem_at
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import RecipeError


def refuse_what_needs_validation(loaded: LoadedRecipe) -> None:
    """Refuse a recipe that trains on all images but has settings for the others.

    It would stop by a validation score, or has weights for the training images alone.

    Raises:
        RecipeError: with file and line.
    """
    train, sampling = loaded.recipe.train, loaded.recipe.data.sampling
    if train.on != "all":
        return
    if train.patience:
        error = UsageError(
            f'train.patience = {train.patience}, but with train.on = "all" there is no validation '
            "score to wait for",
            "Set train.patience = 0, and train.epochs to the number that you want.",
        )
        raise RecipeError(loaded.path, [problem_at(loaded, ("train", "patience"), error)])

    if sampling is not None and sampling.by == "weights":
        error = UsageError(
            'data.sampling.by = "weights" has weights for the training images alone, and with '
            'train.on = "all" the validation images are trained on, too',
            'Leave data.sampling out, or choose by = "repeat-factor" or "balanced".',
        )
        raise RecipeError(loaded.path, [problem_at(loaded, ("data", "sampling", "by"), error)])


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
