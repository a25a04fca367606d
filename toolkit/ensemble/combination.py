"""The TOML file of a fitted combination: from `trash ensemble search` to `trash submit`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tomli_w
from pydantic import AliasChoices, ConfigDict, Field, FiniteFloat, TypeAdapter
from pydantic.dataclasses import dataclass

from toolkit.errors import UsageError
from toolkit.file_schema import FileLayout, PathText
from toolkit.files import read_toml, write_text_atomic
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.wording import counted

SCHEMA = "trash-combination"
VERSION = 2
_OLDER = (1,)
"""Version 1 scored by the mIoU alone."""
SUFFIX = ".toml"
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class FittedMember:
    """A checkpoint that a combination was fitted to, with its views, as the file keeps it.

    Attributes:
        checkpoint: path below the project folder, for people: the file is used on other machines.
        digest: of the weights and their recipe, by which the member is known again.
        views: all of them; those of the checkpoint's own recipe are written out.
    """

    checkpoint: PathText
    digest: str
    views: str


def _also(older: str) -> Any:
    """Let a value be read under the name that it had in files of version 1 too."""
    return Field(validation_alias=AliasChoices(older.replace("miou", "score"), older))


@dataclass(frozen=True, config=_STRICT)
class FitScores:
    """Scores of a fitted combination, and the images behind them.

    Attributes:
        what: name of the method.
        images: number of the images that it was fitted to.
        fitted_score: score on those images, which is too good.
        honest_score: score on images that it was not fitted to, each by a fit without it.
        mean_score: score of the simple mean of the searched members, for comparison.
        metric: of these scores.
        larger_is_better: whether a larger score is the better one by it.
    """

    what: str
    images: int
    fitted_score: Annotated[FiniteFloat, _also("fitted_miou")]
    honest_score: Annotated[FiniteFloat, _also("honest_miou")]
    mean_score: Annotated[FiniteFloat, _also("mean_miou")]
    metric: str = DEFAULT_METRIC
    larger_is_better: bool = True


@dataclass(frozen=True, config=_STRICT)
class Combination:
    """How to combine certain members.

    Attributes:
        ensemble: the ensembler as in a recipe, with its fitted numbers.
        postprocess: the postprocessors as in a recipe, in order.
        members: the members that the numbers belong to, in order.
        fitted: how good it is.
        schema: names the kind of file.
        version: of the file's layout.
    """

    ensemble: ComponentSpec
    postprocess: tuple[ComponentSpec, ...]
    members: tuple[FittedMember, ...]
    fitted: FitScores
    schema: str = SCHEMA
    version: int = VERSION


_LAYOUT = FileLayout(
    "combination",
    TypeAdapter(Combination),
    VERSION,
    SCHEMA,
    _OLDER,
    origin="`trash ensemble search` writes them. To take the data and the combination of a recipe: "
    "--recipe FILE.",
)


def write_combination(path: Path, combination: Combination) -> None:
    """Write a combination so that `path` is never seen half-written."""
    values: dict[str, Any] = _LAYOUT.content.dump_python(combination, mode="json")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomic(path, tomli_w.dumps(values))


def read_combination(path: Path) -> Combination:
    """Read a combination.

    Raises:
        UsageError: missing, not TOML, something else, of a newer version, or a value is wrong.
    """
    return _LAYOUT.value(read_toml(path, _LAYOUT.what), path)


def refuse_other_members(combination: Combination, members: Sequence[FittedMember]) -> None:
    """Refuse other members than those that the numbers were fitted to.

    Args:
        combination: from `read_combination`.
        members: what is about to be combined, in order.

    Raises:
        UsageError: other checkpoints, another order or other views; the first one is named.
    """
    expected = combination.members
    if len(members) != len(expected):
        raise UsageError(
            f"{counted(len(members), 'member', 'members')}, but the combination was fitted to "
            f"{len(expected)}",
            f"Name them in this order: {_line(expected)}",
        )
    for number, (ours, theirs) in enumerate(zip(members, expected, strict=True), start=1):
        if (ours.digest, ours.views) != (theirs.digest, theirs.views):
            raise UsageError(
                f"member {number} is {_member_text(ours)}, but the combination was fitted to "
                f"{_member_text(theirs)}"
                + ("" if ours.digest == theirs.digest else f" (digest {theirs.digest[:8]})"),
                f"Name them in this order: {_line(expected)}",
            )


def _line(members: Sequence[FittedMember]) -> str:
    return " ".join(map(_member_text, members))


def _member_text(member: FittedMember) -> str:
    return f"{member.checkpoint}@{member.views}"
