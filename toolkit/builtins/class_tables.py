"""Parameters that name classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from toolkit import Context, UsageError
from toolkit.errors import did_you_mean

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
    for name in table:
        if name not in context.class_names:
            raise UsageError(
                f"{parameter}: there is no class called {name}",
                did_you_mean(name, context.class_names),
                parameter=parameter,
            )
    return tuple(table.get(name, others) for name in context.class_names)
