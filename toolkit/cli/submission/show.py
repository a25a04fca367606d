"""`trash submission show`: photos with the labels of a file over them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.submission.options import File, PhotoFolder, Size, SpecRecipe, Test, open_files
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
        typer.Option("-o", "--output", help="The PNG to write; default: beside the file."),
    ] = None,
    data_root: PhotoFolder = None,
    recipe: SpecRecipe = None,
    test: Test = None,
    size: Size = None,
) -> None:
    """Write a picture of photos with the labels of a file over them."""
    from toolkit.report.sheet import require_png, write_sheet
    from toolkit.report.submission_sheet import overlay_sheet, require_photos
    from toolkit.submission.named_files import SubmissionOptions
    from toolkit.submission.selection import pick, spread
    from toolkit.submission.spec import photos_of

    output = output or file.with_suffix(".png")
    require_png("-o", output, "submission.png")
    if output.resolve() == file.resolve():
        raise UsageError(f"-o {output} is the submission file", "Choose another name.")
    project = find_project()
    options = SubmissionOptions(recipe, test, None, size)
    (read,), source = open_files([file], options, project)
    photos = photos_of(source, project, data_root)
    named = [name for text in images or () for name in text.split(",") if name]
    wanted = list(dict.fromkeys(named)) or spread(photos.file_names, count)
    require_photos(photos, wanted)
    found = pick(read, wanted)
    title = f"{file.name}: photo and labels"
    write_sheet(output, [overlay_sheet(found, photos, read.class_names, title)])
    console.print_result(str(output))
