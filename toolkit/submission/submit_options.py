"""What the options of `trash submit` mean: changes of a recipe, and where the file is written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from toolkit.ensemble.combination import SUFFIX, Combination, read_combination
from toolkit.errors import UsageError
from toolkit.files import unused_path
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.component_text import parse_component
from toolkit.predict.member import member_name
from toolkit.predict.members import MemberRef
from toolkit.predict.store import NUMBER_TYPES
from toolkit.project import Project
from toolkit.recipe.schema import Recipe
from toolkit.submission.side_car import side_car_path
from toolkit.suggestions import did_you_mean

_LONGEST = 100
"""Characters of the members' names in a file name."""


def with_options(
    recipe: Recipe,
    *,
    combine: str | Combination | None = None,
    weights: str | None = None,
    postprocess: Sequence[str] | None = None,
    member_postprocess: Sequence[str] | None = None,
    store: str | None = None,
    metric: str | None = None,
    on_empty: Literal["refuse", "skip"] | None = None,
) -> Recipe:
    """Return the recipe with what was given in place of its own values.

    Args:
        recipe: the recipe.
        combine: an ensembler as in "power:exponent=3", which drops the recipe's parameters for
            another one; or a fitted combination, whose ensembler and postprocessors are taken.
        weights: one number per member, as in "0.4,0.6".
        postprocess: postprocessors as in "min_area:pixels=64", instead of all of the recipe's;
            "none" alone leaves them out.
        member_postprocess: the same, applied to each member before it is combined.
        store: number type of the stored maps.
        metric: the metric that decides, as in "dice:absent=skip".
        on_empty: what to do with annotations that cover no pixel.

    Raises:
        UsageError: a text that cannot be read, or a change to a fitted combination.
    """
    changes: dict[str, Any] = {}
    ensemble = recipe.ensemble
    if isinstance(combine, Combination):
        if weights is not None or postprocess is not None or member_postprocess is not None:
            raise UsageError(
                "--weights, --post and --member-post would change a combination that was fitted "
                "and scored as it is",
                "Leave them out, or name an ensembler with --combine.",
            )
        ensemble = combine.ensemble
        changes["member_postprocess"] = ()
        changes["postprocess"] = combine.postprocess
    elif combine is not None and combine != ensemble.name:
        ensemble = parse_component(combine)
    if weights is not None:
        ensemble = ComponentSpec(
            name=ensemble.name, **(ensemble.parameters | {"weights": _numbers(weights)})
        )
    changes["ensemble"] = ensemble
    if postprocess is not None:
        changes["postprocess"] = _postprocessors(postprocess, "--post")
    if member_postprocess is not None:
        changes["member_postprocess"] = _postprocessors(member_postprocess, "--member-post")
    if store is not None:
        if store not in NUMBER_TYPES:
            raise UsageError(f"--store {store}: unknown", did_you_mean(store, NUMBER_TYPES))
        changes["predict"] = recipe.predict.model_copy(update={"store": store})
    if metric is not None:
        if isinstance(combine, Combination):
            raise UsageError(
                f"--metric {metric}: a combination that was fitted has its metric",
                "Leave out --metric.",
            )
        changes["metric"] = parse_component(metric)
    if on_empty is not None:
        changes["data"] = recipe.data.model_copy(update={"on_empty": on_empty})
    return recipe.model_copy(update=changes)


def _postprocessors(texts: Sequence[str], option: str) -> tuple[ComponentSpec, ...]:
    if _NONE not in texts:
        return tuple(map(parse_component, texts))
    if len(texts) > 1:
        raise UsageError(
            f"{option} {_NONE} leaves postprocessors out, but others are named, too",
            f"Leave out {option} {_NONE}.",
        )
    return ()


_NONE = "none"


def parse_combination(text: str | None) -> str | Combination | None:
    """Return the fitted combination that `--combine FILE.toml` names, or the text as it is.

    Raises:
        UsageError: the file is missing or broken.
    """
    if text is None or not text.endswith(SUFFIX):
        return text
    return read_combination(Path(text))


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--weights {text}: not numbers", "Write --weights 0.4,0.6.") from None


def default_output(choices: Sequence[MemberRef], project: Project, suffix: str) -> Path:
    """Return where a submission goes by default: named by the time in UTC and its members.

    Args:
        choices: the members.
        project: the project folder.
        suffix: ending of the submission format, with its dot.
    """
    names = "+".join(member_name(choice.path) for choice in choices)
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = project.submissions / f"{moment}-{names[:_LONGEST]}{suffix}"
    return unused_path(path, side_car_path(path).suffix)  # two may begin within one second
