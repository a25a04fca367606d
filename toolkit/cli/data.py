"""`trash data`: demo, check, split, objects."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import console, objects
from toolkit.errors import EXIT_USAGE
from toolkit.project import find_project

if TYPE_CHECKING:
    from toolkit.data.check import DataReport

app = typer.Typer(help="Images and annotations: demo, check, split, objects.", no_args_is_help=True)
app.add_typer(objects.app, name="objects")

DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of the data on this machine, in place of a recipe's data.root; of a JSON: of its "
        "images, in place of the folder it is in.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to write; made if need be.")],
    train: Annotated[int, typer.Option(min=1, help="Training images.")] = 320,
    val: Annotated[int, typer.Option(min=1, help="Validation images.")] = 40,
    test: Annotated[int, typer.Option(min=1, help="Test images.")] = 40,
    size: Annotated[int, typer.Option(min=32, max=2048, help="Height and width, pixels.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything in it.")] = 0,
) -> None:
    """Write a synthetic contest: images, COCO files and the hidden truth of the test split."""
    from toolkit.demo.write_demo import write_demo
    from toolkit.recipe.schema import Demo

    wanted = Demo(train=train, val=val, test=test, size=size, seed=seed)
    write_demo(folder, wanted, console.make_progress())
    console.print_result(str(folder))


@app.command()
def check(
    sources: Annotated[
        list[Path], typer.Argument(metavar="RECIPE|JSON…", help="Recipes or COCO JSON files.")
    ],
    root: DataRoot = None,
    limit: Annotated[int, typer.Option(min=0, help="Names to show of each kind.")] = 5,
    json_: Json = False,
) -> None:
    """Report every broken image, missing file, bad outline, unknown category and duplicate."""
    from toolkit.data.check import check_contest
    from toolkit.data.contest import require_folder
    from toolkit.data.sources import find_sources

    progress = console.make_progress()
    contests = find_sources(sources, find_project(), root)
    for source in (contest[0] for contest in contests):
        require_folder(source.data, source.root)
    reports = [report for contest in contests for report in check_contest(contest, progress)]
    if json_:
        console.print_json([report.as_json() for report in reports])
    else:
        for report in reports:
            _print_report(report, limit)
    if any(report.has_errors for report in reports):
        raise typer.Exit(EXIT_USAGE)


def _print_report(report: DataReport, limit: int) -> None:
    from toolkit.wording import counted

    content = [
        counted(report.n_images, "image", "images"),
        counted(report.n_annotations, "annotation", "annotations"),
    ]
    console.print_result(
        f"{report.file}: {', '.join(content)}" if report.is_read else str(report.file)
    )
    if report.classes and report.n_annotations:
        console.print_table(
            ("label", "class", "annotations", "images", "pixels %"),
            [
                (
                    label,
                    item.name,
                    item.annotations if label else None,
                    item.images if label else None,
                    f"{100 * item.pixel_share:.3f}",
                )
                for label, item in enumerate(report.classes)
            ],
            numeric=("label", "annotations", "images", "pixels %"),
        )
    if not report.problems:
        console.print_result("no problems")
    for kind, problems in report.by_kind().items():
        level = "error" if problems[0].error else "warning"
        console.print_result(f"{level}: {kind} ({len(problems)})")
        for item in problems[:limit]:
            console.print_result(f"  {item.where}: {item.detail}".rstrip(": "))
        if len(problems) > limit:
            console.print_result(f"  … and {len(problems) - limit} more (--limit)")
    console.print_result("")


@app.command()
def split(
    source: Annotated[
        Path,
        typer.Argument(metavar="RECIPE|JSON", help="Recipe (its data.train) or COCO JSON."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Split file to write.")],
    root: DataRoot = None,
    folds: Annotated[int, typer.Option(min=2, help="Number of folds.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the ties.")] = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a split file of other content.")
    ] = False,
    json_: Json = False,
) -> None:
    """Divide training images into folds of equal class content and write the split file.

    Images that are the same photo, whatever they are called, come into one fold.
    """
    from toolkit.data.coco import read_coco
    from toolkit.data.contest import require_folder
    from toolkit.data.sources import find_sources
    from toolkit.data.splits import class_presence, make_folds, photo_contents, write_folds
    from toolkit.wording import counted

    project, progress = find_project(), console.make_progress()
    found = find_sources([source], project, root)[0][0]
    require_folder(found.data, found.root)
    coco = read_coco(found.file)
    contents = photo_contents(coco, found.root, project.cache, progress)
    made = make_folds(coco, folds, seed, contents)
    is_new = write_folds(output, made, coco, seed, overwrite=force)
    known = Counter(content for content in contents if content is not None)
    copies = [count for count in known.values() if count > 1]
    if copies:
        photos = counted(len(copies), "photo", "photos")
        progress.say(f"{sum(copies)} images are copies of {photos}: copies are kept in one fold")
    if absent := contents.count(None):
        progress.say(
            f"warning: {absent} of {len(contents)} photos are not under {found.root} (--data): copies "
            "among them cannot be told"
        )
    if not is_new:
        progress.say(f"{output} is there already, with these folds: unchanged")
    presence = class_presence(coco)
    counts = [presence[list(rows)].sum(axis=0).tolist() for rows in made.rows]
    names = [category.name for category in coco.categories]
    if json_:
        console.print_json(
            {
                "file": str(output),
                "written": is_new,
                "folds": [
                    {"images": len(rows), "images_of": dict(zip(names, own, strict=True))}
                    for rows, own in zip(made.rows, counts, strict=True)
                ],
            }
        )
        return
    columns = [f"fold {fold}" for fold in range(folds)]
    console.print_table(
        ("images of", *columns),
        [
            ("any class", *(len(rows) for rows in made.rows)),
            *((name, *(own[row] for own in counts)) for row, name in enumerate(names)),
        ],
        numeric=columns,
    )
    console.print_result(str(output))
