"""`trash pseudo list`: the pseudo-label sets in the cache."""

from __future__ import annotations

from toolkit.cli import console
from toolkit.cli.list_output import ListFile, ListFormat, ListJson, ListTable, list_output
from toolkit.project import find_project


def list_(
    format_: ListFormat = None,
    output: ListFile = None,
    json_: ListJson = False,
) -> None:
    """List the sets in the project's cache, the newest first."""
    from toolkit.pseudo.catalogue import ListedSet, list_label_sets

    out = list_output(format_, output, json_)
    sets = list_label_sets(find_project().cache / "pseudo")
    if out.write_records(ListedSet.COLUMNS, [each.as_json() for each in sets]):
        return
    if not sets:
        console.note("there are no pseudo-label sets yet: a recipe with [pseudo] makes them")
    rows = [
        (
            each.key[:12],
            f"{len(each.index.selected)} of {len(each.index.images)}" if each.index else None,
            ", ".join(each.index.teachers) if each.index else "damaged",
            each.created,
        )
        for each in sets
    ]
    out.print_tables(ListTable(("key", "images", "teachers", "created"), rows))
