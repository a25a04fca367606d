"""`trash study list`: the studies of the project, and what the team has run of them."""

from __future__ import annotations

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.errors import UsageError
from toolkit.project import find_project


def list_(json_: Json = False) -> None:
    """List the project's studies: variants, seeds, and the best variant of who ran it last."""
    from dataclasses import asdict

    from toolkit.experiment.study.listing import list_studies

    project = find_project()
    rows, broken = list_studies(project)
    if not rows and not broken:
        raise UsageError(
            f"there are no studies in {project.recipes}", "How to write one: docs/studies.md"
        )
    if json_:
        console.print_json([asdict(row) for row in rows])
    else:
        console.print_table(
            ("study", "title", "variants", "seeds", "run by", "best", "gain"),
            [
                (row.path, row.title, row.variants, row.seeds, row.author, row.best, row.gain)
                for row in rows
            ],
            numeric=("variants", "seeds"),
        )
    for message in broken:
        console.warn(message)
