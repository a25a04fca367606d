"""`trash pseudo export`: a pseudo-label set as a submission file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.pseudo.options import Set, open_set
from toolkit.cli.session import open_components
from toolkit.errors import UsageError
from toolkit.project import find_project


def export(
    set_: Set,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", help="Recipe with the format; default: mask strings."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    json_: Json = False,
) -> None:
    """Write the selected images as a submission file, for `pseudo.labels` of a recipe.

    Warnings say what such a file cannot hold.
    """
    from toolkit.files import refuse_existing
    from toolkit.plugin.component import ComponentSpec
    from toolkit.plugin.interfaces import Context
    from toolkit.pseudo.exchange import export_label_set
    from toolkit.recipe.load import load_recipe

    if output.is_dir():
        raise UsageError(f"-o {output} is a folder", f"Write -o {output / 'pseudo.csv'}.")
    refuse_existing(output, overwrite)
    project = find_project()
    spec = ComponentSpec(name="mask_string")
    if recipe is not None:
        spec = load_recipe(recipe, project=project).recipe.submission
    label_set = open_set(set_)
    context = Context(label_set.class_names)
    format_ = open_components(project, ("submission_format", spec)).build(
        "submission_format", spec, context
    )
    lost = export_label_set(label_set, output, format_, console.make_progress())
    if json_:
        console.print_json({"file": output, "rows": len(label_set), "lost": lost})
        return
    for warning in lost:
        console.warn(warning)
    console.print_result(str(output))
