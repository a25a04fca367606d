"""`trash plugin commands`: the commands that plugins add."""

from __future__ import annotations

import typer

from toolkit.cli import console
from toolkit.cli.options import Json


def commands(json_: Json = False) -> None:
    """List the commands that plugins add to `trash`; loads the plugins."""
    from toolkit.cli.plugin_commands import add_plugin_commands

    added = add_plugin_commands(typer.Typer(add_completion=False)) or {}
    rows = [(name, command.get_short_help_str(limit=200)) for name, command in added.items()]
    if json_:
        console.print_json([{"name": name, "summary": summary} for name, summary in rows])
    elif rows:
        console.print_entries({"": rows})
    else:
        console.note("no plugin adds a command")
