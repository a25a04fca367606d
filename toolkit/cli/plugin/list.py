"""`trash plugin list`: every component by kind and source."""

from __future__ import annotations

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.plugin.options import Kind
from toolkit.cli.session import open_registry
from toolkit.plugin.kinds import KINDS
from toolkit.project import find_project


def list_(kind: Kind = None, json_: Json = False) -> None:
    """List every component by kind and source, with one line of help."""
    from toolkit.plugin.describe import check_kind, one_line

    check_kind(kind)
    entries = open_registry(find_project()).entries(kind)
    if json_:
        columns = ("name", "kind", "source", "summary", "aliases")
        rows = [
            (e.name, e.kind, e.source, e.component.summary, e.component.aliases) for e in entries
        ]
        console.print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    groups: dict[str, list[console.Entry]] = {}
    for entry in sorted(entries, key=lambda entry: list(KINDS).index(entry.kind)):
        group = f"{entry.kind} ({entry.source})"
        groups.setdefault(group, []).append((entry.name, one_line(entry)))
    console.print_entries(groups)
