"""`trash submission diff`: two files beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.session import open_workspace
from toolkit.cli.submission.options import PhotoFolder, Size, SpecRecipe, Test, open_files
from toolkit.project import find_project
from toolkit.wording import part_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from toolkit.submission.diff import Difference

_FLOWS = 8
_BECOMES = 3


def diff(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="The submission file (or truth) to start from.")
    ],
    second: Annotated[
        Path,
        typer.Argument(
            metavar="B", help="The one to compare with it, or the truth: a COCO JSON or recipe."
        ),
    ],
    picture: Annotated[
        Path | None, typer.Option("--picture", help="PNG or JPEG of the images that differ most.")
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=100, help="Number of images that differ most in the picture.")
    ] = 8,
    data_root: PhotoFolder = None,
    recipe: SpecRecipe = None,
    test: Test = None,
    size: Size = None,
    json_: Json = False,
) -> None:
    """Compare two files: equal pixels, which classes turn into which, images that differ most.

    Rows are compared by image, in whatever order they are. The IoU of a class is that of its pixels
    in A and in B: 1 = the same pixels.
    """
    from toolkit.submission.diff import compare
    from toolkit.submission.named_files import SubmissionOptions
    from toolkit.submission.spec import photos_of

    if picture is not None:
        from toolkit.report.sheet import require_picture

        require_picture("--picture", picture, "diff.png")
    project = find_project()
    options = SubmissionOptions(recipe, test, None, size)
    (a, b), source = open_files([first, second], options, project)
    photos = None
    if picture is not None:
        photos = photos_of(open_workspace(project, source.components), source, data_root)
    if photos is not None:
        from toolkit.report.submission_sheet import require_photos

        require_photos(photos, photos.file_names[:1])
    found = compare(a, b, keep=count if picture is not None else 0)
    if picture is not None and photos is not None:
        from toolkit.report.sheet import write_sheet
        from toolkit.report.submission_sheet import difference_sheet

        names = _distinct_names(first, second)
        require_photos(photos, [image_id for image_id, *_ in found.shown])
        sheet = difference_sheet(found.shown, photos, a.class_names, names)
        write_sheet(picture, [sheet])
    if json_:
        values = found.as_json(a.class_names, count)
        console.print_json({"first": first, "second": second, "picture": picture} | values)
        return
    _print_difference(found, a.class_names, count)
    if picture is not None:
        console.print_result(str(picture))


def _distinct_names(first: Path, second: Path) -> tuple[str, str]:
    names = first.name, second.name
    return names if names[0] != names[1] else (str(first), str(second))


def _print_difference(found: Difference, class_names: Sequence[str], count: int) -> None:
    scores = found.scores()
    equal = f"{scores.accuracy:.2%} of the pixels are equal, mIoU {scores.mean_iou:.4f}"
    console.print_result(equal)
    console.print_result(
        part_of(found.n_differing, len(found.differing), ("image", "images"), ("differs", "differ"))
    )
    total = found.matrix.sum()
    rows = [
        (
            name,
            f"{found.matrix[label].sum() / total:.2%}",
            f"{found.matrix[:, label].sum() / total:.2%}",
            scores.iou[label],
            _becomes(found.matrix[label], label, class_names),
        )
        for label, name in enumerate(class_names)
    ]
    figures = ("in A", "in B", "IoU")
    console.print_table(("class", *figures, "turns into"), rows, numeric=figures)
    changed = total - found.matrix.trace()
    if changed:
        flows = [
            (class_names[flow.before], class_names[flow.after], flow.pixels, f"{share:.1%}")
            for flow in found.flows[:_FLOWS]
            for share in [flow.pixels / changed]
        ]
        console.print_result("")
        columns = ("in A", "in B", "pixels", "of all changes")
        console.print_table(columns, flows, numeric=columns[2:])
        console.print_result("")
        images = [(name, f"{share:.2%}") for name, share in found.differing[:count] if share]
        console.print_table(("image", "differing"), images, numeric=("differing",))


def _becomes(row: np.ndarray[Any, Any], label: int, class_names: Sequence[str]) -> str:
    """Return the classes that the pixels of a class have in the other file, the largest first."""
    others = [other for other in (-row).argsort(kind="stable") if other != label and row[other]]
    shown = [f"{class_names[other]} {row[other] / row.sum():.1%}" for other in others[:_BECOMES]]
    return ", ".join(shown) + (", …" if len(others) > _BECOMES else "")
