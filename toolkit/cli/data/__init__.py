"""`trash data`: one file per command."""

from __future__ import annotations

import typer

from toolkit.cli.data import (
    check,
    convert,
    demo,
    import_,
    objects,
    report,
    split,
    suspects,
    view,
)

app = typer.Typer(
    help="Images and annotations: demo, import, convert, check, split, objects, report, view, "
    "suspects.",
    no_args_is_help=True,
)
app.add_typer(objects.app, name="objects")
app.command("demo")(demo.demo)
app.command("import")(import_.import_)
app.command("convert")(convert.convert)
app.command("check")(check.check)
app.command("split")(split.split)
app.command("report")(report.report)
app.command("view")(view.view)
app.command("suspects")(suspects.suspects)
