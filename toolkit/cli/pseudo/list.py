"""`trash pseudo list`: the pseudo-label sets in the cache."""

from __future__ import annotations

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.project import find_project


def list_(json_: Json = False) -> None:
    """List the sets in the project's cache, the newest first."""
    from toolkit.pseudo.catalogue import list_label_sets

    sets = list_label_sets(find_project().cache / "pseudo")
    if json_:
        console.print_json([each.as_json() for each in sets])
        return
    if not sets:
        console.note("there are no pseudo-label sets yet: a recipe with [pseudo] makes them")
        return
    rows = [
        (
            each.key[:12],
            f"{len(each.index.selected)} of {len(each.index.images)}" if each.index else None,
            ", ".join(each.index.teachers) if each.index else "damaged",
            each.created,
        )
        for each in sets
    ]
    console.print_table(("key", "images", "teachers", "created"), rows)
