"""Trials of a recipe, which keep nothing: `--smoke`, `--limit N`, `--overfit N`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from toolkit.errors import UsageError
from toolkit.recipe.assignment import parse_assignment
from toolkit.recipe.effect import AS_WRITTEN, Effect
from toolkit.recipe.problems import KeyPath

Kind = Literal["smoke", "limit", "overfit"]

OVERFIT_EPOCHS = 100
"""Epochs of `--overfit`: as many steps on each batch."""


@dataclass(frozen=True)
class Trial:
    """A way to try a recipe.

    Attributes:
        kind: "smoke": on tiny demo data; "limit": on a few of the contest's images; "overfit": on
            a few batches of them, again and again.
        count: images of each split ("limit"), or batches ("overfit"); else 0.
    """

    kind: Kind
    count: int = 0

    @property
    def option(self) -> str:
        """What is written on the command line."""
        return f"--{self.kind}" + f" {self.count}" * bool(self.count)


def chosen_trial(*, smoke: bool, limit: int | None, overfit: int | None) -> Trial | None:
    """Return the trial that a command line asks for; None = a real run.

    Raises:
        UsageError: it asks for several.
    """
    asked = [Trial("smoke")] if smoke else []
    asked += [Trial("limit", limit)] if limit is not None else []
    asked += [Trial("overfit", overfit)] if overfit is not None else []
    if len(asked) > 1:
        raise UsageError(
            f"{' and '.join(f'--{each.kind}' for each in asked)} are different trials",
            "Leave all but one out.",
        )
    return asked[0] if asked else None


def trial_values(recipe: BaseModel, trial: Trial, set_: Sequence[str]) -> dict[str, Any]:
    """Return the values that `--limit` or `--overfit` lays over a recipe, as its schema says them.

    Args:
        recipe: the recipe.
        trial: which of the two.
        set_: `--set` texts; what they name stays as they say.
    """
    values = values_under(recipe, trial.kind)
    for text in set_:
        _leave_out(values, parse_assignment(text)[0])
    return values


def values_under(
    table: BaseModel, kind: Kind, made: Callable[[Any, Any], Any] | None = None
) -> dict[str, Any]:
    """Return the values that a kind of trial lays over a recipe, or over a table of it.

    Its components stay as they are. Tables that the recipe leaves out stay out, but for those that
    have a mark of their own.

    Args:
        table: the recipe or the table.
        kind: of the trial.
        made: returns the value of a mark that is a function, called with it and the present value.
    """
    values: dict[str, Any] = {}
    for name, field in type(table).model_fields.items():
        written = getattr(table, name)
        effect = next((mark for mark in field.metadata if isinstance(mark, Effect)), None)
        value = AS_WRITTEN if effect is None else getattr(effect, kind)
        if made is not None and callable(value):
            value = made(value, written)
        if value is AS_WRITTEN and isinstance(written, BaseModel):
            value = values_under(written, kind, made) or AS_WRITTEN
        if value is not AS_WRITTEN:
            values[name] = list(value) if isinstance(value, tuple) else value
    return values


def _leave_out(values: dict[Any, Any], path: KeyPath) -> None:
    """Remove what is at a path, or around it if that is no table."""
    first, *rest = path
    inner = values.get(first)
    if rest and isinstance(inner, dict):
        _leave_out(inner, tuple(rest))
    else:
        values.pop(first, None)
