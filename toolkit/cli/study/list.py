"""`trash study list`: the studies of the project, and what the team has run of them."""

from __future__ import annotations

from toolkit.cli import console
from toolkit.cli.list_output import ListFile, ListFormat, ListJson, ListTable, list_output
from toolkit.errors import UsageError
from toolkit.project import find_project


def list_(format_: ListFormat = None, output: ListFile = None, json_: ListJson = False) -> None:
    """List the project's studies: variants, seeds, and the best variant of who ran it last."""
    from dataclasses import asdict, fields

    from toolkit.experiment.study.listing import StudyLine, list_studies

    out = list_output(format_, output, json_)
    project = find_project()
    rows, broken = list_studies(project)
    if not rows and not broken:
        raise UsageError(
            f"there are no studies in {project.recipes}", "How to write one: docs/studies.md"
        )
    if not out.write_records(
        [each.name for each in fields(StudyLine)], [asdict(row) for row in rows]
    ):
        columns = ("study", "title", "variants", "seeds", "run by", "best", "gain")
        lines = [
            (
                row.path,
                row.title,
                row.variants or f"{row.trials} trials",
                row.seeds,
                row.author,
                row.best,
                row.gain,
            )
            for row in rows
        ]
        out.print_tables(ListTable(columns, lines, ("variants", "seeds")))
    for message in broken:
        console.warn(message)
