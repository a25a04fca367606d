"""`trash submission diff`, `show` and `merge`: what is in the files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import console
from toolkit.cli.session import open_registry
from toolkit.cli.submission_options import (
    DataRoot,
    File,
    Json,
    RecipePath,
    Sample,
    Size,
    SubmissionOptions,
    Test,
    readable,
    require_file,
    require_png,
)
from toolkit.errors import UsageError
from toolkit.project import find_project

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
        Path | None, typer.Option("--picture", help="PNG of the images that differ most.")
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=100, help="How many of the images that differ most.")
    ] = 8,
    data_root: DataRoot = None,
    recipe: RecipePath = None,
    test: Test = None,
    size: Size = None,
    json_: Json = False,
) -> None:
    """Compare two files: equal pixels, which classes turn into which, images that differ most.

    Rows are compared by image, in whatever order they are. The IoU of a class is that of its pixels
    in A and in B: 1 = the same pixels.
    """
    from toolkit.submission.diff import compare
    from toolkit.submission.spec import photos_of

    if picture is not None:
        require_png("--picture", picture, "diff.png")
    project = find_project()
    given = SubmissionOptions(recipe, test, None, size)
    (a, b), source = readable([first, second], given, project)
    photos = photos_of(source, project, data_root) if picture is not None else None
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
        values = _as_json(found, a.class_names, count)
        console.print_json({"first": first, "second": second, "picture": picture} | values)
        return
    _print_difference(found, a.class_names, count)
    if picture is not None:
        console.print_result(str(picture))


def _distinct_names(first: Path, second: Path) -> tuple[str, str]:
    names = first.name, second.name
    return names if names[0] != names[1] else (str(first), str(second))


def _as_json(found: Difference, class_names: Sequence[str], count: int) -> dict[str, Any]:
    scores = found.scores
    return {
        "equal": scores.accuracy,
        "mean_iou": scores.mean_iou,
        "iou": dict(zip(class_names, scores.iou, strict=True)),
        "images": len(found.differing),
        "differing_images": found.n_differing,
        "flows": [
            {
                "before": class_names[flow.before],
                "after": class_names[flow.after],
                "pixels": flow.pixels,
            }
            for flow in found.flows
        ],
        "confusion": {"classes": class_names, "pixels": found.matrix.tolist()},
        "most_differing": [
            {"image": image_id, "share": share} for image_id, share in found.differing[:count]
        ],
    }


def _print_difference(found: Difference, class_names: Sequence[str], count: int) -> None:
    scores = found.scores
    equal = f"{scores.accuracy:.2%} of the pixels are equal, mIoU {scores.mean_iou:.4f}"
    console.print_result(equal)
    console.print_result(f"{found.n_differing} of {len(found.differing)} images differ")
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


def show(
    file: File,
    images: Annotated[
        list[str] | None,
        typer.Option("--images", metavar="NAME,…", help="Images to show, by file name. Repeat."),
    ] = None,
    count: Annotated[
        int, typer.Option(min=1, max=100, help="Without --images: so many, spread over the file.")
    ] = 8,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The PNG to write; default: beside the file."),
    ] = None,
    data_root: DataRoot = None,
    recipe: RecipePath = None,
    test: Test = None,
    size: Size = None,
) -> None:
    """Write a picture of photos with the labels of a file over them."""
    from toolkit.report.sheet import write_sheet
    from toolkit.report.submission_sheet import overlay_sheet, require_photos
    from toolkit.submission.selection import pick, spread
    from toolkit.submission.spec import photos_of

    output = output or file.with_suffix(".png")
    require_png("-o", output, "submission.png")
    if output.resolve() == file.resolve():
        raise UsageError(f"-o {output} is the submission file", "Choose another name.")
    project = find_project()
    given = SubmissionOptions(recipe, test, None, size)
    (read,), source = readable([file], given, project)
    photos = photos_of(source, project, data_root)
    named = [name for text in images or () for name in text.split(",") if name]
    wanted = list(dict.fromkeys(named)) or spread(photos.file_names, count)
    require_photos(photos, wanted)
    found = pick(read, wanted)
    title = f"{file.name}: photo and labels"
    write_sheet(output, [overlay_sheet(found, photos, read.class_names, title)])
    console.print_result(str(output))


def merge(
    files: Annotated[list[Path], typer.Argument(metavar="A B …", help="The submission files.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    weights: Annotated[
        str | None, typer.Option("--weights", help="Votes of each file: 0.4,0.6 (default: equal).")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    recipe: RecipePath = None,
    test: Test = None,
    sample: Sample = None,
    size: Size = None,
    json_: Json = False,
) -> None:
    """Write the majority vote of files, checked, with a side-car. No checkpoint is needed.

    Of classes with equal votes the one wins that the file with the largest weight chose; of equal
    weights, the file that comes first. Name the best file first.
    """
    from toolkit.plugin.component import ComponentSpec
    from toolkit.submission.class_balance import share_warnings
    from toolkit.submission.merge import merge as merge_files
    from toolkit.submission.merge import parse_weights, whole_weights
    from toolkit.submission.record import make_file_side_car
    from toolkit.submission.side_car import refuse_output, write_side_car
    from toolkit.submission.spec import expect

    if len(files) < 2:
        raise UsageError("one file is nothing to merge", "Name two or more.")
    numbers = parse_weights(weights, len(files)) if weights is not None else ()
    votes = whole_weights(numbers) if numbers else (1,) * len(files)
    if output.resolve() in [file.resolve() for file in files]:
        raise UsageError(f"-o {output} is one of the files to merge", "Choose another name.")
    for file in files:
        require_file(file)
    project = find_project()
    registry = open_registry(project)
    given = SubmissionOptions(recipe, test, sample, size)
    read, source = readable(files, given, project)
    expected = expect(source, project, registry)
    refuse_output(output, overwrite, expected.format.suffix)
    report = merge_files(read, votes, output, expected.image_ids, console.make_progress())
    combine = ComponentSpec(name="vote", **({"weights": list(numbers)} if numbers else {}))
    side_car = make_file_side_car(
        output, source, expected, report, project, registry, files=files, combine=combine
    )
    side_car_file = write_side_car(output, side_car)
    failures = registry.notify("trash_submission_written", path=output, side_car=side_car.as_json())
    for failure in failures:
        console.warn(f"plugin {failure.source}: {failure.message}")
    usual = source.validation_shares
    warnings = [
        *report.warnings,
        *share_warnings(report.class_shares, usual, expected.class_names),
    ]
    for warning in warnings:
        console.warn(warning)
    if json_:
        values = {"path": output, "side_car": side_car_file, "warnings": warnings}
        console.print_json(asdict(report) | values)
        return
    console.note(f"{report.n_rows} rows of {len(files)} files, checked")
    console.print_result(str(output))
