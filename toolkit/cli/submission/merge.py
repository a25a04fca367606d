"""`trash submission merge`: the majority vote of files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.session import open_workspace
from toolkit.cli.submission.options import Sample, Size, SpecRecipe, Test, open_files
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.wording import counted


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
    from toolkit.submission.merge import parse_weights, submit_merged, whole_weights
    from toolkit.submission.named_files import SubmissionOptions, require_file
    from toolkit.submission.side_car import refuse_output
    from toolkit.submission.spec import expect

    if len(files) < 2:
        raise UsageError("a single file cannot be merged", "Name two or more.")
    numbers = parse_weights(weights, len(files)) if weights is not None else ()
    votes = whole_weights(numbers) if numbers else (1,) * len(files)
    if output.resolve() in [file.resolve() for file in files]:
        raise UsageError(f"-o {output} is one of the files to merge", "Choose another name.")
    project = find_project()
    for file in files:
        require_file(file, project)
    workspace = open_workspace(project)
    options = SubmissionOptions(recipe, test, sample, size)
    read, source = open_files(files, options, project)
    expected = expect(workspace, source)
    refuse_output(output, overwrite, expected.format.suffix)
    result = submit_merged(
        workspace,
        files,
        read,
        numbers,
        votes,
        output,
        source=source,
        expected=expected,
    )
    for failure in result.failures:
        console.warn(f"plugin {failure.source}: {failure.message}")
    for warning in result.warnings:
        console.warn(warning)
    if json_:
        values = {"path": output, "side_car": result.side_car, "warnings": result.warnings}
        console.print_json(asdict(result.report) | values)
        return
    console.note(
        f"{counted(result.report.n_rows, 'row', 'rows')} merged from {len(files)} files, checked"
    )
    console.print_result(str(output))
