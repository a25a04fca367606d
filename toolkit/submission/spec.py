"""The format and images of a submission file, from a recipe, a test JSON or its side-car."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from toolkit.data.annotation_rules import with_annotation_rules
from toolkit.data.annotation_sets import read_annotations
from toolkit.data.guards import refuse_duplicates, refuse_large_images
from toolkit.data.labels import LabelMap, make_label_map
from toolkit.data.photo_rules import PhotoReading, reading_of, with_rules_of_sizes
from toolkit.data.sources import AnnotationFile
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.files import file_digest
from toolkit.formats.id_style import LeftOut
from toolkit.formats.label_rows import sampling_of
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.component_text import parse_component
from toolkit.plugin.interfaces import (
    Context,
    LeavesOutFolder,
    LeavesOutSuffix,
    RestrictsIds,
    SubmissionFormat,
)
from toolkit.plugin.reader import AnnotationSet
from toolkit.project import Project, refuse_other_project
from toolkit.recipe.data_folder import data_file
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Data
from toolkit.submission.sample import sample_order
from toolkit.submission.side_car import read_side_car, side_car_path
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class SpecSource:
    """The recipe, test JSON or side-car that describes a file.

    Attributes:
        data: names the test JSON, the sample submission and the classes.
        format: the submission format as in a recipe.
        image_root: folder of the images, relative to the project folder.
        exif_applied: whether orientations in EXIF data were applied; None = nothing says it.
        photos: how values of the photos become pixels; None = by default.
        validation_shares: share of the validation split's pixels of each label; empty = unknown.
        warnings: what is odd about the file, seen on the way.
        side_car: the side-car that all of it is from, if it is from one.
        metric: the contest's metric as in a recipe; None = nothing says it.
    """

    data: Data
    format: ComponentSpec
    image_root: str = "."
    exif_applied: bool | None = None
    photos: PhotoReading | None = None
    validation_shares: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    side_car: Path | None = None
    metric: ComponentSpec | None = None

    @property
    def components(self) -> list[tuple[str, ComponentSpec]]:
        """Kind and name of the components that are needed to read the file and its images."""
        return [("submission_format", self.format), *self.data.components]


@dataclass(frozen=True)
class Expectation:
    """The format of a file, its images in the order of rows, and `class_names[label]`."""

    format: SubmissionFormat
    image_ids: tuple[str, ...]
    class_names: tuple[str, ...]


def from_recipe(path: Path, project: Project) -> SpecSource:
    """Take data and format from a recipe."""
    recipe = load_recipe(path, project=project).recipe
    return SpecSource(
        recipe.data,
        recipe.submission,
        recipe.data.root,
        photos=reading_of(recipe.data),
        metric=recipe.metric,
    )


def from_files(test: Path | None, sample: Path | None, size: tuple[int, int] | None) -> SpecSource:
    """Take the images (and, by its categories, the classes) from a test JSON; mask strings.

    Args:
        test: COCO JSON of the images.
        sample: sample submission that gives the order of rows.
        size: (height, width) of the maps; default: the format's.
    """
    data = Data(
        root=".",
        test=None if test is None else str(test.resolve()),
        sample_submission=None if sample is None else str(sample.resolve()),
    )
    parameters = {} if size is None else {"size": list(size)}
    image_root = "." if test is None else str(test.resolve().parent)
    return SpecSource(data, ComponentSpec(name="mask_string", **parameters), image_root)


def from_side_car(submission: Path) -> SpecSource | None:
    """Take everything from the side-car beside the file; None when there is none.

    Raises:
        UsageError: the side-car is broken.
    """
    path = side_car_path(submission)
    if not path.is_file():
        return None
    side_car = read_side_car(path)
    background, *classes = side_car.class_names
    data = Data(
        root=".",
        test=side_car.test,
        format=side_car.reader,
        sample_submission=side_car.sample_submission,
        classes=tuple(classes),
        background=background,
        overlap=side_car.overlap,
    )
    warnings = []
    if submission.is_file() and file_digest(submission) != side_car.digest:
        warnings.append(f"{submission} was changed after its side-car was written")
    scores = side_car.score or side_car.validation
    return SpecSource(
        data,
        side_car.format,
        image_root=side_car.image_root or PurePosixPath(side_car.test).parent.as_posix(),
        exif_applied=side_car.exif_applied,
        photos=side_car.photos,
        validation_shares=side_car.validation_shares,
        warnings=tuple(warnings),
        side_car=path,
        metric=parse_component(scores.metric) if scores else None,
    )


def refuse_contradiction(
    submission: Path, format: SubmissionFormat, class_names: Sequence[str]
) -> None:
    """Refuse to read a file otherwise than its side-car says it was written.

    With classes in another order, or other pixels of the photos, every figure would be wrong and
    nothing would look so.

    Args:
        submission: the file; without a whole side-car of its own nothing is refused.
        format: how it is going to be read.
        class_names: index = label.

    Raises:
        UsageError: the classes or `nearest` are others.
    """
    try:
        own = from_side_car(submission)
    except UsageError:  # whoever names a recipe does not need it
        return
    if own is None or own.warnings:
        return
    names = (own.data.background, *(own.data.classes or ()))
    hint = "Leave out --recipe, --test and --size: the side-car says all of it."
    if names != tuple(class_names):
        raise UsageError(
            f"{submission} was written with the classes {', '.join(names)}, and would be read as "
            f"{', '.join(class_names)}",
            hint,
        )
    rules = own.format.parameters.get("nearest", "corner"), sampling_of(format).nearest
    if rules[0] != rules[1]:
        raise UsageError(
            f"{submission} was written with nearest = {rules[0]!r}, and would be read as "
            f"{rules[1]!r}",
            hint,
        )


def sources_of(files: Sequence[Path], given: SpecSource | None) -> list[SpecSource]:
    """Return who says how each file is written: `given`, its side-car, or another file's side-car.

    Raises:
        UsageError: nobody says it, or a side-car is broken.
    """
    if given is not None:
        return [given for _ in files]
    own = [from_side_car(file) for file in files]
    known = next((source for source in own if source is not None), None)
    if known is None:
        one = files[0] if len(files) == 1 else "any of the files"
        raise UsageError(
            f"no side-car beside {one} says what it should hold",
            "Name them with --recipe RECIPE or --test JSON.",
        )
    return [source or replace(known, warnings=()) for source in own]


def expect(workspace: Workspace, source: SpecSource) -> Expectation:
    """Return what a submission must hold: the images of `data.test`, in the order of rows.

    Raises:
        UsageError: no test JSON is named, a file is wrong, or the class names are unknown.
    """
    data = source.data
    root = workspace.project.path(data.root)
    coco = _test_images(workspace, source)
    class_names = _class_names(workspace, data, root, coco)
    sample = data_file(root, data.sample_submission) if data.sample_submission else None
    format_ = workspace.registry.build("submission_format", source.format, Context(class_names))
    return Expectation(
        format=format_,
        image_ids=row_order([record.file_name for record in coco.images], sample, format_),
        class_names=class_names,
    )


def format_of(workspace: Workspace, source: SpecSource) -> tuple[SubmissionFormat, tuple[str, ...]]:
    """Return how to read a file, and `class_names[label]`; the test JSON may be elsewhere.

    Raises:
        UsageError: the class names are unknown.
    """
    data = source.data
    coco = None if data.classes is not None else _test_images(workspace, source)
    class_names = _class_names(workspace, data, workspace.project.path(data.root), coco)
    format_ = workspace.registry.build("submission_format", source.format, Context(class_names))
    return format_, class_names


def photos_of(workspace: Workspace, source: SpecSource, data_root: Path | None = None) -> Split:
    """Return the images of `data.test`, to be looked at; they are not opened yet.

    Args:
        workspace: has the readers; relative paths are relative to its project.
        source: names the test JSON and the folder of the images.
        data_root: the folder of the images on this machine, in place of the source's; the test JSON
            lies in it where it lies in the source's.

    Raises:
        UsageError: no test JSON is named, it is not there, or it is wrong.
    """
    project = workspace.project
    root = project.path(source.image_root)
    if data_root is not None and source.data.test is not None:
        old = project.path(source.data.root) / source.data.test
        moved = data_root.resolve() / os.path.relpath(old, root)
        data = source.data.model_copy(update={"test": str(moved)})
        source = replace(source, data=data, image_root=str(data_root.resolve()))
        root = data_root
    coco = _test_images(workspace, source)
    split = Split(
        name="test",
        file=coco.path,
        root=root,
        images=coco.images,
        labels=LabelMap(_class_names(workspace, source.data, root, coco), {}),
        overlap=source.data.overlap,
        ignore_index=source.data.ignore_index,
        digest=coco.digest,
    )
    return with_rules_of_sizes(split, source.data, source.exif_applied, source.photos)


def _test_images(workspace: Workspace, source: SpecSource) -> AnnotationSet:
    data, project = source.data, workspace.project
    if data.test is None:
        raise UsageError("data.test is unset: there is no list of the images to submit")
    if source.side_car is not None:
        refuse_other_project(source.side_car, project)
    file = data_file(project.path(data.root), data.test)
    if not file.exists():
        raise UsageError(
            f"annotation file not found: {file}",
            "It lists the submitted images. If it is elsewhere on this machine: --test JSON --size "
            "HxW, or --recipe RECIPE.",
        )
    root = project.path(source.image_root)
    return read_annotations(workspace, data, file, root, labelled=False)


def _class_names(
    workspace: Workspace, data: Data, root: Path, coco: AnnotationSet | None
) -> tuple[str, ...]:
    if data.classes is not None or coco is None:
        return (data.background, *(data.classes or ()))
    # A test JSON often has no categories, and then the training JSON must say them.
    categories, train = coco.categories, data_file(root, data.train)
    if not categories and not train.exists():
        raise UsageError(
            f"{coco.path} has no categories: the class names are unknown",
            "Name them with --recipe RECIPE.",
        )
    coco = coco if coco.categories else read_annotations(workspace, data, train, root)
    # A list of images to submit has no annotations, so what is unused cannot be told.
    used = coco.used_categories or None
    return make_label_map(coco.categories, None, data.background, used).class_names


def row_order(
    file_names: Sequence[str], sample: Path | None, format: SubmissionFormat
) -> tuple[str, ...]:
    """Return the image ids in the order of rows: the sample's when it has rows, else as given.

    Args:
        file_names: the images of the test JSON.
        sample: sample submission.
        format: of the submission; says how the rows of the sample name their image.

    Raises:
        UsageError: an image repeats, an id cannot be written, or the sample has other columns or
            other images.
    """
    if len(set(file_names)) < len(file_names):
        raise UsageError("the test JSON lists an image twice", "`trash data check` names it.")
    if isinstance(format, LeavesOutSuffix):
        for name in file_names:
            if not name.endswith(format.image_suffix):
                raise UsageError(
                    f"submission.image_suffix = {format.image_suffix!r}, but {name} does not end "
                    "with it",
                    parameter="submission.image_suffix",
                )
    if isinstance(format, LeavesOutFolder):
        beginning = LeftOut(format.image_folder).beginning
        for name in file_names:
            if not name.startswith(beginning):
                raise UsageError(
                    f"submission.image_folder = {format.image_folder!r}, but {name} is not in it",
                    parameter="submission.image_folder",
                )
    if isinstance(format, RestrictsIds):
        format.refuse_ids(file_names)
    ids = sample_order(sample, format, file_names) if sample is not None else ()
    return ids or tuple(file_names)


def truth_split(
    workspace: Workspace, truth: AnnotationFile, data: Data, classes: str = "data.classes"
) -> Split:
    """Open annotations of the submitted images with the classes and rules of `data`.

    Args:
        workspace: has the readers; is told what is odd in the file.
        truth: the annotations, and how they are read.
        data: of the submission.
        classes: what the classes of `data` are called in messages.

    Raises:
        UsageError: the file is not of its format, its categories are not the classes, an
            annotation's category is not in its list, or one covers no pixel.
    """
    path = truth.file
    data = data.model_copy(update={"format": truth.data.format})
    coco = read_annotations(workspace, data, path, truth.root)
    try:
        labels = make_label_map(
            coco.categories, data.classes, data.background, coco.used_categories, classes
        )
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", error.hint) from None
    split = Split(
        name="truth",
        file=path,
        root=truth.root,
        images=coco.images,
        labels=labels,
        overlap=data.overlap,
        ignore_index=data.ignore_index,
        digest=coco.digest,
    )
    refuse_duplicates(split)
    refuse_large_images(split, data.max_megapixels)
    option = "--on-empty skip (in a recipe: data.on_empty)"
    return with_annotation_rules(split, coco, data, workspace.progress, option=option)
