"""The files that a command names, and the options that say how to read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from toolkit.data.sources import AnnotationFile
from toolkit.errors import UsageError
from toolkit.formats.label_rows import sampling_of
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.component_text import component_text
from toolkit.project import Project
from toolkit.recipe.problems import shown_path
from toolkit.submission.aligned import Readable
from toolkit.submission.spec import (
    SpecSource,
    format_of,
    from_files,
    from_recipe,
    from_side_car,
    refuse_contradiction,
    sources_of,
    truth_split,
)
from toolkit.submission.truth import TruthLabels, truth_file, truth_recipe
from toolkit.suggestions import nearest
from toolkit.workspace import Workspace

_ENDINGS = (".csv", ".zip", ".npz")


@dataclass(frozen=True)
class SubmissionOptions:
    """The options that say what a file holds; without any, its side-car does.

    Attributes:
        recipe: `--recipe`, which says all of it.
        test: `--test`, a COCO JSON of the images.
        sample: `--sample`, a file with the order of rows; goes with `test`.
        size: `--size`, "HEIGHTxWIDTH" in pixels; goes with `test`.
    """

    recipe: Path | None = None
    test: Path | None = None
    sample: Path | None = None
    size: str | None = None

    def source(self, project: Project) -> SpecSource | None:
        """Return who says it, None = the side-car.

        Raises:
            UsageError: options that do not go together, or a file that is wrong.
        """
        if self.test is None and (self.sample or self.size):
            raise UsageError("--sample and --size need --test")
        if self.test is not None and self.recipe is not None:
            raise UsageError("give --recipe or --test, not both")
        if self.recipe is not None:
            return from_recipe(self.recipe, project)
        if self.test is not None:
            return from_files(self.test, self.sample, parse_size(self.size))
        return None


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Return (height, width) of a text such as "256x256".

    Raises:
        UsageError: it is not written so.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        raise UsageError(f"--size {text}: expected HEIGHTxWIDTH in pixels, such as 256x256")
    return int(match[1]), int(match[2])


def source_to_score(
    file: Path,
    project: Project,
    recipe: Path | None,
    size: str | None,
    on_empty: Literal["refuse", "skip"] | None,
) -> SpecSource:
    """Return how to read a file that annotations score: they know the images and the classes.

    Args:
        file: the submission, whose side-car says it where no option does; else mask strings.
        project: relative paths are relative to its folder.
        recipe: `--recipe`.
        size: `--size`, of the maps.
        on_empty: what to do with annotations that cover no pixel; None = as the source says.

    Raises:
        UsageError: a wrong size, recipe or side-car.
    """
    if recipe is not None:
        source = from_recipe(recipe, project)
    else:
        beside = from_side_car(file) if size is None else None
        source = beside or from_files(None, None, parse_size(size))
    if on_empty is None:
        return source
    return replace(source, data=source.data.model_copy(update={"on_empty": on_empty}))


def deciding_metric(
    files: Sequence[Path], truth: Path, recipe: Path | None, project: Project
) -> ComponentSpec | None:
    """Return the metric that scores submissions where no option names one; None = the default.

    It is that of `recipe`; else that of the recipe which names the truth; else that which decided
    the files, by their side-cars.

    Args:
        files: the submissions.
        truth: annotations, a recipe that names them, or another submission.
        recipe: `--recipe`.
        project: recipes are looked for there.

    Raises:
        UsageError: a recipe or side-car is wrong, or the files were decided by different metrics.
    """
    if recipe is not None:
        return from_recipe(recipe, project).metric
    of_truth = truth_recipe(truth, project)
    if of_truth is not None and of_truth.metric is not None:
        return of_truth.metric
    found = {}
    for file in files:
        source = from_side_car(file)
        if source is not None and source.metric is not None:
            found[file] = source.metric
    names = {file: component_text(metric) for file, metric in found.items()}
    if len(set(names.values())) > 1:
        told = " and ".join(f"{file} by {name}" for file, name in names.items())
        raise UsageError(
            f"the files were decided by different metrics: {told}",
            f"Name one: --metric {next(iter(names.values()))}",
        )
    return next(iter(found.values()), None)


def are_submissions(named: Sequence[str]) -> bool:
    """Return whether a command line names submission files; else they are checkpoints or runs.

    Raises:
        UsageError: it names some of both.
    """
    files = [each for each in named if Path(each).suffix.lower() in _ENDINGS]
    others = [each for each in named if each not in files]
    if files and others:
        raise UsageError(
            f"{files[0]} is a submission file, {others[0]} is none: they cannot be evaluated "
            "together",
            "Name files of several submissions, or several checkpoints; trash submit makes a file.",
        )
    return bool(files)


def require_file(file: Path, project: Project) -> None:
    """Refuse a submission file that is not there, with the nearest name.

    Raises:
        UsageError: it is a folder, or there is none.
    """
    if file.is_dir():
        raise UsageError(f"{file} is a folder, not a submission file")
    if not file.exists():
        raise UsageError(f"submission file not found: {file}", _near_file(file, project))


def _near_file(file: Path, project: Project) -> str:
    """Return the nearest submission file, beside the missing one or in submissions/."""
    known: dict[str, Path] = {}
    for folder in dict.fromkeys([file.parent, project.submissions]):
        for other in sorted(folder.glob("*")) if folder.is_dir() else ():
            if other.suffix in _ENDINGS:
                known.setdefault(other.name, other)
    near = nearest(file.name, known)
    if near is not None:
        return f"Did you mean {shown_path(known[near])}?"
    return "List them: trash submission list" if known else "trash submit RUN writes one."


@dataclass(frozen=True)
class NamedFiles:
    """Files to be read side by side: submissions, and annotations that are read as if they were.

    Attributes:
        paths: in the order of the command line.
        sources: submission file -> who says how it is written.
        truths: any other file -> the annotations that it means.
    """

    paths: Sequence[Path]
    sources: Mapping[Path, SpecSource]
    truths: Mapping[Path, AnnotationFile]

    @property
    def source(self) -> SpecSource:
        """Who says what the first submission file holds."""
        return next(iter(self.sources.values()))

    @property
    def components(self) -> list[tuple[str, ComponentSpec]]:
        """Kind and name of the components that are needed to read them."""
        of_files = [each for source in self.sources.values() for each in source.components]
        of_truths = [each for truth in self.truths.values() for each in truth.data.components]
        return of_files + of_truths

    def readable(self, workspace: Workspace) -> list[Readable]:
        """Return how to read each of them, in order.

        Args:
            workspace: the project, its components, and who is told what happens.

        Raises:
            UsageError: a file was written in another way than it would be read, or annotations
                are wrong.
        """
        found = {
            file: Readable(file, *format_of(workspace, source))
            for file, source in self.sources.items()
        }
        for file, read in found.items():
            refuse_contradiction(file, read.format, read.class_names)
        sampling = sampling_of(next(iter(found.values())).format)
        for file, truth in self.truths.items():
            split = truth_split(workspace, truth, self.source.data)
            labels = TruthLabels(split, sampling.size, sampling.nearest)
            ignored = split.ignore_index
            found[file] = Readable(truth.file, labels, split.labels.class_names, ignored)
        return [found[path] for path in self.paths]


def name_files(paths: Sequence[Path], options: SubmissionOptions, project: Project) -> NamedFiles:
    """Tell submission files from annotations and recipes, and find who says how they are written.

    Raises:
        UsageError: a file is missing, none is a submission file, or nobody says how one is written.
    """
    meant = {path: truth_file(path, project) for path in paths if not _is_submission(path)}
    submitted = [path for path in paths if meant.get(path) is None]
    for path in submitted:
        require_file(path, project)
    if not submitted:
        raise UsageError("none of these is a submission file", "Name at least one.")
    sources = sources_of(submitted, options.source(project))
    return NamedFiles(
        paths=paths,
        sources=dict(zip(submitted, sources, strict=True)),
        truths={path: truth for path, truth in meant.items() if truth is not None},
    )


def _is_submission(path: Path) -> bool:
    """Whether a name is that of a submission file, also one that is missing."""
    return path.suffix.lower() in _ENDINGS or path.is_dir()
