"""`trash pseudo show`: what was selected, in figures or as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.pseudo.options import Set, open_set
from toolkit.errors import UsageError
from toolkit.wording import counted

if TYPE_CHECKING:
    from toolkit.pseudo.label_set import LabelSet


def show(
    set_: Set,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write a page to review, as HTML.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Folder of the photos, if they were moved since."),
    ] = None,
    json_: Json = False,
) -> None:
    """Print figures of what was selected; with -o, write a page that shows it."""
    from toolkit.pseudo.catalogue import images_of
    from toolkit.pseudo.figures import summarize

    if output is not None and output.is_dir():
        raise UsageError(f"-o {output} is a folder", f"Write -o {output / 'page.html'}.")
    label_set = open_set(set_)
    if output is not None:
        from toolkit.report.pseudo_page import write_pseudo_page

        write_pseudo_page(label_set, images_of(label_set, images), output, console.make_progress())
    if json_:
        page = {"page": output} if output is not None else {}
        console.print_json({"folder": label_set.folder, **summarize(label_set), **page})
    elif output is not None:
        console.print_result(str(output))
    else:
        _print(label_set)


def _print(label_set: LabelSet) -> None:
    from toolkit.pseudo.figures import spread, summarize

    summary = summarize(label_set)
    console.print_result(
        f"{label_set.folder.name}: {summary['selected']} of "
        f"{counted(summary['images'], 'image', 'images')}"
        + (", soft labels" if summary["soft"] else "")
    )
    for name, count in summary["rejected_by"].items():
        console.print_result(f"rejected by {name}: {count}")
    if summary["teachers"]:
        console.print_result(f"teachers: {', '.join(summary['teachers'])}")
    for line in spread(label_set.index.images):
        console.print_result(line)
    rows = [
        (
            name,
            found["predicted"],
            found["trusted"],
            f"{found['trusted'] / found['predicted']:.1%}" if found["predicted"] else None,
            found["images"],
        )
        for name, found in summary["classes"].items()
    ]
    columns = ("class", "pixels predicted", "trusted", "share", "images with it")
    console.print_table(columns, rows, numeric=columns[1:])
    for warning in summary["warnings"]:
        console.warn(warning)
