"""`trash run show`: everything that is known of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.run.options import RUN_HELP
from toolkit.project import find_project


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP)],
    recipe: Annotated[
        bool,
        typer.Option("--recipe", help="Print every value of its recipe instead, as a recipe."),
    ] = False,
    json_: Json = False,
) -> None:
    """Print who ran what, when, by which code and data, what it scored, and the notes on it.

    Of a series (--folds, --seeds): the mean of its scores and its runs.
    """
    from toolkit.experiment.recorded_runs import find_run, find_shared
    from toolkit.recipe.show import as_toml
    from toolkit.records.catalogue import read_records
    from toolkit.records.description import describe, describe_notes
    from toolkit.records.notes import notes_on
    from toolkit.records.record import as_json

    project = find_project()
    if recipe:
        console.print_result(as_toml(find_run(run, project).record.values).rstrip())
        return
    catalogue = read_records(project)
    found = find_shared(run, project, catalogue)
    notes = notes_on(found.name, catalogue)
    if json_:
        values = {"record": found.name, **as_json(found.record)}
        console.print_json(values | {"notes": [as_json(each) for each in notes]})
        return
    sections = describe(found) | describe_notes(notes)
    console.print_entries({heading: list(lines) for heading, lines in sections.items()})
    if found.record.kind == "run":
        console.note(f"reproduce it: trash recipe run --from {found.name}")
