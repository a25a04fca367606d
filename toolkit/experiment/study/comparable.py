"""Whether the scores of variants can be compared with each other, told before any training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolkit.data.contest import Contest, open_contest
from toolkit.errors import UsageError
from toolkit.recipe.load import LoadedRecipe
from toolkit.wording import some_of
from toolkit.workspace import Workspace


def require_comparable(workspace: Workspace, recipes: Mapping[str, LoadedRecipe]) -> None:
    """Open the data of variants where they have different ones; warn of other images.

    Args:
        workspace: says the warnings.
        recipes: by the name of the variant; the first is what the others are compared with.

    Raises:
        UsageError: data are wrong, or have other classes than those of the first variant.
    """
    texts = {name: each.recipe.data.model_dump_json() for name, each in recipes.items()}
    if len(set(texts.values())) < 2:
        return
    opened: dict[str, Contest] = {}
    for name, text in texts.items():
        if text not in opened:
            opened[text] = open_contest(workspace.silent, recipes[name].recipe.data)
    contests = {name: opened[text] for name, text in texts.items()}
    require_equal_classes({name: each.class_names for name, each in contests.items()})
    has_truth = all(each.truth for each in contests.values())
    images = {name: _deciding(each, has_truth) for name, each in contests.items()}
    first, *others = images
    unlike = [name for name in others if images[name] != images[first]]
    if unlike:
        workspace.progress.say(
            f"warning: scores of {some_of(unlike)} and {first} are of different images and tell "
            "little about each other"
        )


def require_equal_classes(class_names: Mapping[str, Sequence[str]]) -> None:
    """Refuse variants of other classes than the first one: no class can be compared.

    Raises:
        UsageError: with the first variant that has others.
    """
    first, *others = class_names
    wanted = tuple(class_names[first])
    for name in others:
        found = tuple(class_names[name])
        if found != wanted:
            lacks, has = (
                [each for each in a if each not in b] for a, b in ((wanted, found), (found, wanted))
            )
            told = [f"without {some_of(lacks)}"] if lacks else []
            told += [f"with {some_of(has)}"] if has else []
            raise UsageError(
                f"{name} has other classes than {first}: {len(found)}, not {len(wanted)}, "
                f"{' and '.join(told) or 'in another order'}",
                "Scores of other classes cannot be compared: make two studies of it.",
            )


def refuse_seed(set_: Sequence[str]) -> None:
    """Refuse a `--set` of the seed: everything is run with the seeds of the study.

    Raises:
        UsageError: it is set.
    """
    for text in set_:
        if text.partition("=")[0].strip() == "seed":
            raise UsageError(
                f"--set {text} changes nothing: everything is run with the seeds of the study",
                "Name them: --seeds 1,2,3, or seeds = […] in [study].",
            )


def _deciding(contest: Contest, has_truth: bool) -> frozenset[str]:
    split = contest.truth if has_truth and contest.truth is not None else contest.val
    return frozenset(split.file_names)
