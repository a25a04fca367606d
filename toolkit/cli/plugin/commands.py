"""Commands that plugins add to `trash`, and `trash plugin commands`, which lists them."""

from __future__ import annotations

from typing import Any

import typer

from toolkit.cli import console
from toolkit.cli.list_output import ListFile, ListFormat, ListJson, ListTable, list_output
from toolkit.cli.session import open_registry
from toolkit.errors import in_words
from toolkit.project import find_project


def commands(
    format_: ListFormat = None,
    output: ListFile = None,
    json_: ListJson = False,
) -> None:
    """List the commands that plugins add to `trash`; loads the plugins."""
    out = list_output(format_, output, json_)
    added = add_plugin_commands(typer.Typer(add_completion=False)) or {}
    rows = [(name, command.get_short_help_str(limit=200)) for name, command in added.items()]
    columns = ("name", "summary")
    if out.write_records(columns, [dict(zip(columns, row, strict=True)) for row in rows]):
        return
    if not rows:
        console.note("no plugin adds a command")
    out.print_entries({"": rows}, ListTable(columns, rows))


def add_plugin_commands(app: typer.Typer) -> dict[str, Any] | None:
    """Load the plugins, let them add their commands to `app`, and return what they added by name.

    None when a command cannot work; this and whatever else fails is told as a warning.
    """
    before = len(app.registered_commands), len(app.registered_groups)
    for failure in open_registry(find_project()).notify("trash_commands", app=app):
        console.warn(f"plugin {failure.source}: {failure.message}")
    added = typer.Typer(add_completion=False)
    added.callback()(_nothing)
    added.registered_commands = app.registered_commands[before[0] :]
    added.registered_groups = app.registered_groups[before[1] :]
    try:
        return dict(typer.main.get_group(added).commands)
    except Exception as error:  # typer looks at a command's arguments only here
        console.warn(f"the commands of plugins are left out: {in_words(error)}")
        return None


def _nothing() -> None:
    """With it, typer makes a group of any number of commands."""
