"""`trash submission show`: photos with the labels of a file over them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.session import open_workspace
from toolkit.cli.submission.options import (
    TRUTH,
    File,
    PhotoFolder,
    Size,
    SpecRecipe,
    Test,
    open_files,
)
from toolkit.errors import UsageError
from toolkit.project import find_project


def show(
    file: File,
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--images", metavar="NAME,…", help="Images to show, by file name. May be repeated."
        ),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            min=1, max=100, help="Without --images: number of images, spread over the file."
        ),
    ] = 8,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The PNG or JPEG to write; default: a PNG beside the file."
        ),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", help=f"Show what is right as well: {TRUTH}.")
    ] = None,
    data_root: PhotoFolder = None,
    recipe: SpecRecipe = None,
    test: Test = None,
    size: Size = None,
) -> None:
    """Write a picture of photos with the labels of a file over them."""
    from toolkit.report.sheet import require_picture, write_sheet
    from toolkit.report.submission_sheet import overlay_sheet, require_photos, truth_sheet
    from toolkit.submission.named_files import SubmissionOptions
    from toolkit.submission.selection import pick, spread
    from toolkit.submission.spec import photos_of

    output = output or file.with_suffix(".png")
    require_picture("-o", output, "submission.png")
    if output.resolve() == file.resolve():
        raise UsageError(f"-o {output} is the submission file", "Choose another name.")
    project = find_project()
    options = SubmissionOptions(recipe, test, None, size)
    files, source = open_files([file, *([truth] if truth is not None else [])], options, project)
    photos = photos_of(open_workspace(project, source.components), source, data_root)
    named = [name for text in images or () for name in text.split(",") if name]
    wanted = list(dict.fromkeys(named)) or spread(photos.file_names, count)
    require_photos(photos, wanted)
    class_names = files[0].class_names
    found = pick(files, wanted)
    if truth is None:
        maps = [(image_id, labels) for image_id, (labels,) in found]
        sheet = overlay_sheet(maps, photos, class_names, f"{file.name}: photo and labels")
    else:
        pairs = [(image_id, right, labels) for image_id, (labels, right) in found]
        sheet = truth_sheet(pairs, photos, class_names, file.name)
    write_sheet(output, [sheet])
    console.print_result(str(output))
