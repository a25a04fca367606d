"""Parameters that name classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from toolkit import Context, UsageError
from toolkit.suggestions import did_you_mean

Value = TypeVar("Value", int, float)


def by_label(
    table: Mapping[str, Value], others: Value, context: Context, parameter: str
) -> tuple[Value, ...]:
    """Return one value for each label.

    Args:
        table: name of a class -> its value.
        others: value of the classes that are not in the table.
        context: knows the classes.
        parameter: what the table is called in a recipe.

    Raises:
        UsageError: there is no such class.
    """
    named = {label_of(name, context, parameter): value for name, value in table.items()}
    return tuple(named.get(label, others) for label in range(context.n_classes))


def label_of(name: str, context: Context, parameter: str) -> int:
    """Return the label of a class.

    Args:
        name: of the class.
        context: knows the classes.
        parameter: what names it in a recipe.

    Raises:
        UsageError: there is no such class.
    """
    if name not in context.class_names:
        raise UsageError(
            f"{parameter}: there is no class called {name}",
            did_you_mean(name, context.class_names),
            parameter=parameter,
        )
    return context.class_names.index(name)
