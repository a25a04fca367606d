"""`trash recipe schema`: a JSON schema for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli import console
from toolkit.cli.session import open_registry
from toolkit.project import find_project


def schema(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write it to this file.")
    ] = None,
) -> None:
    """Print a JSON schema for editors, with the parameters of every plugin."""
    from toolkit.files import write_json_atomic
    from toolkit.recipe.json_schema import recipe_json_schema

    value: dict[str, Any] = recipe_json_schema(open_registry(find_project()))
    if output is None:
        console.print_json(value)
        return
    write_json_atomic(output, value)
    console.print_result(str(output))
    console.note(f"editors with Taplo read it from a first line such as: #:schema {output}")
