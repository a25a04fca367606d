"""`trash plugin list`: every component by kind and source."""

from __future__ import annotations

from toolkit.cli import console
from toolkit.cli.list_output import ListFile, ListFormat, ListJson, ListTable, list_output
from toolkit.cli.plugin.options import Kind
from toolkit.cli.session import open_registry
from toolkit.plugin.kinds import KINDS
from toolkit.project import find_project


def list_(
    kind: Kind = None,
    format_: ListFormat = None,
    output: ListFile = None,
    json_: ListJson = False,
) -> None:
    """List every component by kind and source, with one line of help."""
    from toolkit.plugin.describe import check_kind, one_line

    out = list_output(format_, output, json_)
    check_kind(kind)
    entries = open_registry(find_project()).entries(kind)
    columns = ("name", "kind", "source", "summary", "aliases")
    rows = [(e.name, e.kind, e.source, e.component.summary, e.component.aliases) for e in entries]
    if out.write_records(columns, [dict(zip(columns, row, strict=True)) for row in rows]):
        return
    groups: dict[str, list[console.Entry]] = {}
    for entry in sorted(entries, key=lambda entry: list(KINDS).index(entry.kind)):
        group = f"{entry.kind} ({entry.source})"
        groups.setdefault(group, []).append((entry.name, one_line(entry)))
    table = [(*row[:-1], ", ".join(row[-1]) or None) for row in rows]
    out.print_entries(groups, ListTable(columns, table))
