"""What the commands of `trash submission` share: files, and who says how to read them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import console
from toolkit.cli.session import open_formats
from toolkit.errors import UsageError, nearest
from toolkit.project import Project, find_project
from toolkit.recipe.problems import shown_path

if TYPE_CHECKING:
    from toolkit.submission.aligned import Readable
    from toolkit.submission.spec import SpecSource

File = Annotated[Path, typer.Argument(help="The submission file.")]
SpecRecipe = Annotated[
    Path | None, typer.Option("--recipe", help="Recipe that says format, images and classes.")
]
Test = Annotated[
    Path | None, typer.Option("--test", help="COCO JSON of the images, instead of a recipe.")
]
Sample = Annotated[
    Path | None, typer.Option("--sample", help="With --test: file with the order of rows.")
]
Size = Annotated[
    str | None, typer.Option("--size", metavar="HxW", help="With --test: size of the maps.")
]
PhotoFolder = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of the photos on this machine.")
]
_ENDINGS = (".csv", ".zip", ".npz")
TRUTH = "COCO JSON with the annotations, a recipe with data.truth, or another submission file"


@dataclass(frozen=True)
class SubmissionOptions:
    """The options that say what a file holds; without any, its side-car does."""

    recipe: Path | None = None
    test: Path | None = None
    sample: Path | None = None
    size: str | None = None

    def source(self, project: Project) -> SpecSource | None:
        """Return who says it, None = the side-car.

        Raises:
            UsageError: options that do not go together, or a file that is wrong.
        """
        from toolkit.submission.spec import from_files, from_recipe

        if self.test is None and (self.sample or self.size):
            raise UsageError("--sample and --size go with --test")
        if self.test is not None and self.recipe is not None:
            raise UsageError("give --recipe or --test, not both")
        if self.recipe is not None:
            return from_recipe(self.recipe, project)
        if self.test is not None:
            return from_files(self.test, self.sample, parse_size(self.size))
        return None


def readable(
    files: list[Path], given: SubmissionOptions, project: Project
) -> tuple[list[Readable], SpecSource]:
    """Return how to read each of the files, and who says what they hold.

    Annotations, and recipes that name them as their truth, are read as if they were submissions.

    Raises:
        UsageError: a file is missing, or nobody says how it is written.
    """
    from toolkit.formats.label_rows import sampling_of
    from toolkit.submission.aligned import Readable
    from toolkit.submission.spec import (
        format_of,
        refuse_contradiction,
        sources_of,
        truth_split,
    )
    from toolkit.submission.truth import TruthLabels, truth_file

    truth_of = {file: truth_file(file, project) for file in files if not _is_submission(file)}
    submitted = [file for file in files if truth_of.get(file) is None]
    for file in submitted:
        require_file(file)
    if not submitted:
        raise UsageError("none of these is a submission file", "Name at least one.")
    sources = sources_of(submitted, given.source(project))
    registry = open_formats(project, *(each.format for each in sources))
    found = {
        file: Readable(file, *format_of(each, project, registry))
        for file, each in zip(submitted, sources, strict=True)
    }
    for file, read in found.items():
        refuse_contradiction(file, read.format, read.class_names)
    first = found[submitted[0]]
    for file, truth in truth_of.items():
        if truth is not None:
            split = truth_split(truth, sources[0].data, console.make_progress())
            sampling = sampling_of(first.format)
            labels = TruthLabels(split, sampling.size, sampling.nearest)
            found[file] = Readable(truth, labels, split.labels.class_names)
    return [found[file] for file in files], sources[0]


def _is_submission(file: Path) -> bool:
    """Whether a name is that of a submission file, also one that is missing."""
    return file.suffix.lower() in _ENDINGS or file.is_dir()


def require_file(file: Path) -> None:
    """Refuse a submission file that is not there, with the nearest name."""
    if file.is_dir():
        raise UsageError(f"{file} is a folder, not a submission file")
    if not file.exists():
        raise UsageError(f"submission file not found: {file}", _near_file(file))


def _near_file(file: Path) -> str:
    """Return the nearest submission file, beside the missing one or in submissions/."""
    folders = dict.fromkeys([file.parent, find_project().submissions])
    known: dict[str, Path] = {}
    for folder in folders:
        for found in sorted(folder.glob("*")) if folder.is_dir() else ():
            if found.suffix in _ENDINGS:
                known.setdefault(found.name, found)
    near = nearest(file.name, known)
    if near is not None:
        return f"Did you mean {shown_path(known[near])}?"
    return "List them: trash submission list" if known else "trash submit RUN writes one."


def require_png(option: str, path: Path, default: str) -> None:
    """Refuse a name that is not that of a PNG file."""
    if path.suffix.lower() != ".png" or path.is_dir():
        near = path / default if path.is_dir() else path.with_suffix(".png")
        raise UsageError(f"{option} {path} is no name of a PNG file", f"Write {option} {near}.")


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Return (height, width) of a text such as "256x256"."""
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        raise UsageError(f"--size {text}: expected HEIGHTxWIDTH in pixels, such as 256x256")
    return int(match[1]), int(match[2])
