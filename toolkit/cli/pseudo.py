"""`trash pseudo`: look at pseudo-label sets and hand them round."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import console
from toolkit.cli.session import open_formats
from toolkit.errors import UsageError
from toolkit.project import find_project

if TYPE_CHECKING:
    from toolkit.pseudo.label_set import LabelSet

app = typer.Typer(
    help="Pseudo-label sets: list, show, export as a submission file.", no_args_is_help=True
)

Set = Annotated[
    str, typer.Argument(metavar="SET", help="Folder of the set, or the beginning of its key.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(json_: Json = False) -> None:
    """List the sets in the project's cache, the newest first."""
    from toolkit.pseudo.catalogue import list_label_sets

    sets = list_label_sets(find_project().cache / "pseudo")
    if json_:
        console.print_json(
            [
                {
                    "key": each.key,
                    "folder": each.folder,
                    "created": each.created,
                    "selected": len(each.index.selected) if each.index else None,
                    "images": len(each.index.images) if each.index else None,
                    "teachers": each.index.teachers if each.index else None,
                    "problem": each.problem or None,
                }
                for each in sets
            ]
        )
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


@app.command()
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
    """Say what was selected; with -o, write a page that shows it."""
    from toolkit.pseudo.catalogue import images_of

    if output is not None and output.is_dir():
        raise UsageError(f"-o {output} is a folder", f"Write -o {output / 'page.html'}.")
    label_set = _open(set_)
    if output is not None:
        from toolkit.report.pseudo_page import write_pseudo_page

        write_pseudo_page(label_set, images_of(label_set, images), output, console.make_progress())
    if json_:
        page = {"page": output} if output is not None else {}
        console.print_json({"folder": label_set.folder, **_summary(label_set), **page})
    elif output is not None:
        console.print_result(str(output))
    else:
        _print(label_set)


@app.command()
def export(
    set_: Set,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    recipe: Annotated[
        Path | None,
        typer.Option("--recipe", help="Recipe that says the format; default: mask strings."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    json_: Json = False,
) -> None:
    """Write the selected images as a submission file, for `pseudo.labels` of a recipe.

    What the file cannot hold is told as warnings.
    """
    from toolkit.plugin.component import ComponentSpec
    from toolkit.plugin.interfaces import Context
    from toolkit.pseudo.exchange import export_label_set
    from toolkit.recipe.load import load_recipe

    if output.is_dir():
        raise UsageError(f"-o {output} is a folder", f"Write -o {output / 'pseudo.csv'}.")
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists", "Choose another name with -o, or add --overwrite.")
    project = find_project()
    spec = ComponentSpec(name="mask_string")
    if recipe is not None:
        spec = load_recipe(recipe, project=project).recipe.submission
    label_set = _open(set_)
    context = Context(label_set.class_names)
    format_ = open_formats(project, spec).build("submission_format", spec, context)
    lost = export_label_set(label_set, output, format_, console.make_progress())
    if json_:
        console.print_json({"file": output, "rows": len(label_set), "lost": lost})
        return
    for warning in lost:
        console.warn(warning)
    console.print_result(str(output))


def _open(text: str) -> LabelSet:
    from toolkit.pseudo.catalogue import find_label_set
    from toolkit.pseudo.label_set import open_label_set

    return open_label_set(find_label_set(text, find_project().cache / "pseudo"))


def _summary(label_set: LabelSet) -> dict[str, Any]:
    index = label_set.index
    return {
        "selected": len(index.selected),
        "images": len(index.images),
        "rejected_by": dict(Counter(image.rejected_by for image in index.rejected).most_common()),
        "soft": index.soft,
        "teachers": index.teachers,
        "warnings": index.warnings,
        "classes": {
            name: {
                "predicted": index.predicted[label],
                "trusted": index.trusted[label],
                "images": int(label_set.masks.array_counts[label]),
            }
            for label, name in enumerate(index.class_names)
        },
        "origin": index.origin,
    }


def _print(label_set: LabelSet) -> None:
    from toolkit.pseudo.figures import spread

    summary = _summary(label_set)
    console.print_result(
        f"{label_set.folder.name}: {summary['selected']} of {summary['images']} images"
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
