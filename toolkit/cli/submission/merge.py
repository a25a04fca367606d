"""`trash submission merge`: the majority vote of files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.session import open_registry
from toolkit.cli.submission.options import (
    Sample,
    Size,
    SpecRecipe,
    SubmissionOptions,
    Test,
    readable,
    require_file,
)
from toolkit.errors import UsageError
from toolkit.project import find_project


def merge(
    files: Annotated[list[Path], typer.Argument(metavar="A B …", help="The submission files.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    weights: Annotated[
        str | None, typer.Option("--weights", help="Votes of each file: 0.4,0.6 (default: equal).")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    recipe: SpecRecipe = None,
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
