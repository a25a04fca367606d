"""`trash plugin show`: a component's parameters."""

from __future__ import annotations

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.plugin.options import Kind, Name
from toolkit.cli.session import open_registry
from toolkit.project import find_project


def show(name: Name, kind: Kind = None, json_: Json = False) -> None:
    """Print a component's parameters with types, defaults and ranges, and where it lives."""
    from toolkit.plugin.describe import describe, named

    registry = open_registry(find_project())
    found = [describe(entry, registry) for entry in named(registry, name, kind)]
    if json_:
        console.print_json([description.as_json() for description in found])
        return
    for number, description in enumerate(found):
        if number:
            console.print_result("")
        console.print_result(f"{description.name} ({description.kind}, {description.source})")
        if description.aliases:
            console.print_result("also called " + ", ".join(description.aliases))
        console.print_result(description.details or description.summary)
        if description.file:
            console.print_result(f"{description.file}:{description.line}")
        if description.parameters:
            console.print_table(
                ("parameter", "type", "default", "meaning"),
                [
                    (p.name, p.type, "required" if p.default is None else p.default, p.description)
                    for p in description.parameters
                ],
            )
