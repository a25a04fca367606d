"""`trash plugin show`: a component's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.plugin.options import Kind, Name
from toolkit.cli.session import open_registry
from toolkit.project import find_project

if TYPE_CHECKING:
    from toolkit.plugin.describe import Parameter


def show(name: Name, kind: Kind = None, json_: Json = False) -> None:
    """Print a component's parameters with types, defaults and ranges, and where it lives."""
    from toolkit.plugin.describe import describe, find_entries

    registry = open_registry(find_project())
    found = [describe(entry, registry) for entry in find_entries(registry, name, kind)]
    if json_:
        console.print_json([description.as_json() for description in found])
        return
    for number, description in enumerate(found):
        if number:
            console.print_result("")
        console.print_result(f"{description.name} ({description.kind}, {description.source})")
        if description.aliases:
            console.print_result("also called " + ", ".join(description.aliases))
        if description.needs_rgb:
            console.print_result("for RGB photos alone")
        console.print_paragraphs(description.details or description.summary)
        if description.file:
            console.print_result(f"{description.file}:{description.line}")
        if description.parameters:
            console.print_result("")
            console.print_entries({"": [_entry(each) for each in description.parameters]})


def _entry(parameter: Parameter) -> console.Entry:
    """Return a parameter as a recipe may write it, with its type and meaning."""
    from toolkit.plugin.describe import UNSET

    name, default = parameter.name, parameter.default
    if default is None:
        name += "  (required)"
    elif default == UNSET:
        name += f"  ({UNSET})"
    else:
        name += f" = {default}"
    return name, [("", f"{parameter.description.rstrip('.')} ({parameter.type})".lstrip())]
