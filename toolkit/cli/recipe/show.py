"""`trash recipe show`: a recipe with all that it extends and every default."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.recipe.options import RecipePath, Set, Unset
from toolkit.cli.session import open_registry
from toolkit.project import find_project


def show(
    recipe: RecipePath,
    set_: Set = None,
    unset: Unset = None,
    origin: Annotated[
        bool, typer.Option("--origin", help="Show where each value comes from.")
    ] = False,
    json_: Json = False,
) -> None:
    """Print a recipe with everything that it extends and every default."""
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.show import as_toml, origin_rows, resolved_values

    project = find_project()
    registry = open_registry(project)
    loaded = load_recipe(
        recipe, project=project, registry=registry, set_=set_ or (), unset=unset or ()
    )
    values = resolved_values(loaded, registry)
    rows = list(origin_rows(loaded, values))
    if json_ and origin:
        console.print_json(
            [dict(zip(("key", "value", "origin"), row, strict=True)) for row in rows]
        )
    elif json_:
        console.print_json(values)
    elif origin:
        console.print_table(("key", "value", "origin"), rows)
    else:
        console.print_result(as_toml(values).rstrip())
