"""`trash data check`: what is wrong with images and annotations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import console
from toolkit.cli.data.options import DataRoot
from toolkit.cli.options import Json
from toolkit.cli.session import open_workspace
from toolkit.errors import EXIT_USAGE
from toolkit.project import find_project

if TYPE_CHECKING:
    from toolkit.data.check import DataReport


def check(
    sources: Annotated[
        list[Path], typer.Argument(metavar="RECIPE|JSON…", help="Recipes or COCO JSON files.")
    ],
    root: DataRoot = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Images or annotations to show for each kind of problem.")
    ] = 5,
    json_: Json = False,
) -> None:
    """Report every broken image, missing file, bad outline, unknown category and duplicate.

    Photos that look alike are told too, within a split and between splits.
    """
    from toolkit.data.check import check_contest
    from toolkit.data.contest import require_folder
    from toolkit.data.sources import find_sources

    project = find_project()
    contests = find_sources(sources, project, root)
    needed = [each for contest in contests for each in contest[0].data.components]
    workspace = open_workspace(project, needed)
    for source in (contest[0] for contest in contests):
        require_folder(source.data, source.root)
    reports = [report for contest in contests for report in check_contest(workspace, contest)]
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
        counted(report.n_masks, "mask", "masks")
        if report.n_masks
        else counted(report.n_annotations, "annotation", "annotations"),
    ]
    console.print_result(
        f"{report.file}: {', '.join(content)}" if report.is_read else str(report.file)
    )
    if report.classes and (report.n_annotations or report.n_masks):
        several = ["annotations"] if report.n_annotations else []
        console.print_table(
            ("label", "class", *several, "images", "pixels %"),
            [
                (
                    label,
                    item.name,
                    *[item.annotations if label else None for _ in several],
                    item.images if label else None,
                    f"{100 * item.pixel_share:.3f}",
                )
                for label, item in enumerate(report.classes)
            ],
            numeric=("label", *several, "images", "pixels %"),
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
