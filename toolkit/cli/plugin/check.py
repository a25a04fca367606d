"""`trash plugin check`: the contract of each component's kind."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.plugin.options import Kind
from toolkit.cli.session import open_workspace
from toolkit.errors import EXIT_FAILED
from toolkit.project import find_project


def check(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of a component (or source:component), or of a plugin."),
    ] = None,
    kind: Kind = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A parameter of the component. May be repeated."
        ),
    ] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--recipe",
            help="Check the components of this recipe, with its classes, image size, parameters.",
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Run the contract tests of each component's kind; exit code 1 when one fails."""
    from toolkit.plugin.describe import check_kind
    from toolkit.testing import examine
    from toolkit.testing.contract import CONTEXT
    from toolkit.testing.subjects import choose_subjects
    from toolkit.wording import counted

    check_kind(kind)
    project = find_project()
    workspace = open_workspace(project)
    registry = workspace.registry
    loaded, context = None, CONTEXT
    if recipe is not None:
        from toolkit.recipe.load import load_recipe
        from toolkit.testing.from_recipe import recipe_context

        loaded = load_recipe(recipe, project=project, registry=registry).recipe
        context, warning = recipe_context(workspace, loaded)
        if warning:
            console.warn(warning)
    subjects = choose_subjects(name, kind, set_ or [], loaded, registry)
    if name is None:
        what = counted(len(subjects), "component", "components")
        fewer = "" if kind else ", of all kinds (slow; one kind: --kind KIND)"
        console.note(f"checking {what}{fewer}")
    reports = []
    with (
        console.make_progress().bar("checking", len(subjects), "components") as bar,
        redirect_stdout(sys.stderr),  # what a component prints is no result
    ):
        for entry, table in subjects:
            plain = f"{entry.source}:{entry.name}"
            reports.append(examine(entry.kind, plain, registry, table, context))
            bar.advance()
    if json_:
        console.print_json([report.as_json() for report in reports])
    else:
        console.print_table(
            ("name", "kind", "source", "rules", "result"),
            [
                (r.entry.name, r.entry.kind, r.entry.source, len(r.rules), r.verdict)
                for r in reports
            ],
            numeric=("rules",),
        )
        for report in reports:
            what = f"{report.entry.kind} {report.entry.name}"
            for message, rules in report.by_message().items():
                more = f" (and {len(rules) - 1} more rules)" if len(rules) > 1 else ""
                console.print_result(f"{what}: {rules[0]}: {message}{more}")
            if report.hint:
                console.note(f"{what}: {report.hint}")
            if report.lacking:
                options = " ".join(f"--set {parameter}=VALUE" for parameter in report.lacking)
                entry = report.entry
                console.note(f"check it: trash plugin check {entry.source}:{entry.name} {options}")
    if any(report.findings for report in reports) or (name is None and registry.failures):
        raise typer.Exit(EXIT_FAILED)
