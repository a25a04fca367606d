"""All problems of a split, found in one pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.data.annotation_sets import read_annotations
from toolkit.data.exclusions import wrong_labels
from toolkit.data.folds import choose_fold, read_folds
from toolkit.data.images import ImageSizeError, read_image
from toolkit.data.labels import LabelMap, make_label_map
from toolkit.data.likeness_problems import HashedSplit, SplitFolds, likeness_problems
from toolkit.data.mask_facts import MaskError
from toolkit.data.masks import paint_mask
from toolkit.data.near_duplicates import hash_photos
from toolkit.data.near_files import not_found
from toolkit.data.photo_facts import Fault, read_headers
from toolkit.data.photo_rules import photo_rules
from toolkit.data.problems import DataProblem, find_problems, is_paintable
from toolkit.data.segmentation import why_empty
from toolkit.data.sources import AnnotationFile
from toolkit.errors import UsageError
from toolkit.files import exists, file_digest, is_file
from toolkit.plugin.reader import Annotation, AnnotationSet, ImageRecord
from toolkit.progress import Progress
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.workspace import Workspace

_THREADS = 4


@dataclass(frozen=True)
class ClassContent:
    """How much of a class a split holds.

    Attributes:
        name: name of the class.
        annotations: number of annotations; 0 for the background, and in masks.
        images: number of images with an annotation or a pixel of the class; 0 for the background.
        pixel_share: share of all pixels of the split, 0 … 1.
    """

    name: str
    annotations: int
    images: int
    pixel_share: float


@dataclass(frozen=True)
class DataReport:
    """What `check_split` found.

    Attributes:
        file: the annotation file.
        n_images: images in it.
        n_annotations: annotations in it.
        n_masks: images with a mask in it.
        classes: per label, the background first; empty when there is nothing to count.
        problems: all of them.
        contents: digest of the bytes of every image file, by file name.
        exif_applied: whether the orientations in EXIF data are applied; None = nothing says it.
        folds: how a recipe divides it; None = it does not, or its split file cannot be used.
        is_read: False for a file that is missing or damaged, of which nothing else is known.
    """

    file: Path
    n_images: int = 0
    n_annotations: int = 0
    n_masks: int = 0
    classes: tuple[ClassContent, ...] = ()
    problems: tuple[DataProblem, ...] = ()
    contents: Mapping[str, str] = field(default_factory=dict)
    exif_applied: bool | None = None
    folds: SplitFolds | None = None
    is_read: bool = True

    @property
    def has_errors(self) -> bool:
        """Whether any problem is an error."""
        return any(problem.error for problem in self.problems)

    def by_kind(self) -> dict[str, list[DataProblem]]:
        """Return the problems of each kind, errors first."""
        found: dict[str, list[DataProblem]] = defaultdict(list)
        for problem in sorted(self.problems, key=lambda problem: not problem.error):
            found[problem.kind].append(problem)
        return dict(found)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "file": str(self.file),
            "images": self.n_images,
            "annotations": self.n_annotations,
            "masks": self.n_masks,
            "classes": [asdict(content) for content in self.classes],
            "counts": {kind: len(problems) for kind, problems in self.by_kind().items()},
            "problems": [asdict(problem) for problem in self.problems],
        }


def check_contest(workspace: Workspace, sources: Sequence[AnnotationFile]) -> list[DataReport]:
    """Check every annotation file of a contest, and that no image is in two of its splits.

    Args:
        workspace: has the readers, and the cache of the photos' hashes; is told of the progress.
        sources: the files, the training split first.
    """
    seen: dict[str, str] = {}
    applied: list[bool | None] = []
    reports = []
    for position in range(len(sources)):
        source = sources[position]
        report = check_split(workspace, source, applied)
        if source.role == "train" and report.classes:
            # The others are numbered by name as it is, whatever the ids in their files.
            classes = tuple(content.name for content in report.classes[1:])
            sources = [_with_classes(each, classes) for each in sources]
        if source.role != "truth":  # it is about the test images
            report = _with_shared_images(report, seen)
        reports.append(report)
        applied.append(report.exif_applied)
    labelled = [row for row, each in enumerate(sources) if each.role in ("train", "val")]
    if labelled and all(reports[row].is_read for row in labelled):
        reports[0] = _with_exclusions(workspace, [sources[row] for row in labelled], reports[0])
    return _with_near_duplicates(workspace, sources, reports)


def _with_exclusions(
    workspace: Workspace, sources: Sequence[AnnotationFile], report: DataReport
) -> DataReport:
    """Add what in the list of `data.exclude` does not fit the training and validation images."""
    data = sources[0].data
    if data.exclude is None or not report.classes:
        return report
    sets = [
        read_annotations(workspace.silent, source.data, source.file, source.root)
        for source in sources
    ]
    used = sets[0].used_categories
    labels = make_label_map(sets[0].categories, data.classes, data.background, used)
    try:
        records = [record for each in sets for record in each.images]
        wrong_labels(workspace.project.path(data.exclude), records, labels)
    except UsageError as error:
        problem = DataProblem("unusable list of labels", data.exclude, _one_line(error))
        return replace(report, problems=(*report.problems, problem))
    return report


def _one_line(error: UsageError) -> str:
    return " ".join(f"{error.message}. {error.hint}".split()).removesuffix(". ")


def _with_near_duplicates(
    workspace: Workspace, sources: Sequence[AnnotationFile], reports: Sequence[DataReport]
) -> list[DataReport]:
    """Add the photos that look like others of the contest."""
    cache, progress = workspace.project.cache, workspace.progress
    splits = []
    for source, report in zip(sources, reports, strict=True):
        contents = {} if source.role == "truth" else report.contents
        found = hash_photos(source.root, [*contents], [*contents.values()], cache, progress)
        hashes = [None if isinstance(each, Fault) else each for each in found]
        splits.append(HashedSplit(report.file.name, contents, hashes, report.folds))
    return [
        replace(report, problems=(*report.problems, *more))
        for report, more in zip(reports, likeness_problems(splits), strict=True)
    ]


def _with_classes(source: AnnotationFile, classes: tuple[str, ...]) -> AnnotationFile:
    return replace(source, data=source.data.model_copy(update={"classes": classes}))


def check_split(
    workspace: Workspace, source: AnnotationFile, others: Sequence[bool | None] = ()
) -> DataReport:
    """Check an annotation file and every image that it names; stops at no problem.

    Args:
        workspace: has the readers; is told while the images are checked.
        source: the file.
        others: whether EXIF orientations are applied in other files of the contest.
    """
    file, labelled, progress = source.file, source.is_labelled, workspace.progress
    if not exists(file):
        error = not_found(file)
        detail = f"{error.message}. {error.hint}".removesuffix(". ")
        problem = DataProblem("missing file", file.name, detail)
        return DataReport(file, is_read=False, problems=(problem,))
    try:
        coco = read_annotations(workspace, source.data, file, source.root, labelled=labelled)
    except MaskError as error:
        found_problems = tuple(DataProblem(error.kind, *fault) for fault in error.faults)
        return DataReport(file, is_read=False, problems=found_problems)
    except UsageError as error:
        detail = f"{error.message}. {error.hint}".removesuffix(". ")
        problem = DataProblem("unreadable file", file.name, detail)
        return DataReport(file, is_read=False, problems=(problem,))
    found = read_headers(source.root, [record.file_name for record in coco.images])
    rules = photo_rules(file, source.root, coco.images, found, source.data, others)
    coco = replace(coco, images=rules.images)
    small, large_problems = _without_large(coco, source.data)
    image_problems, contents = _check_images(small, source.root, progress)
    folds, fold_problems = _folds(workspace.project, source, coco)
    return DataReport(
        file=file,
        n_images=len(coco.images),
        n_annotations=sum(len(record.annotations) for record in coco.images) + len(coco.orphans),
        n_masks=sum(record.mask is not None for record in coco.images),
        classes=_class_contents(small, source.data),
        problems=(
            *image_problems,
            *large_problems,
            *_warnings("EXIF orientation", file, rules.warning),
            *_warnings("channels that are not read", file, rules.unread),
            *find_problems(small, source.data, labelled=labelled),
            *_photo_repetitions(contents),
            *fold_problems,
        ),
        contents=contents,
        exif_applied=rules.applied,
        folds=folds,
    )


def _folds(
    project: Project, source: AnnotationFile, coco: AnnotationSet
) -> tuple[SplitFolds | None, list[DataProblem]]:
    """Return the folds that a recipe makes of its training images."""
    choice = source.data.folds
    if source.role != "train" or choice is None:
        return None, []
    names = [record.file_name for record in coco.images]
    try:
        folds = read_folds(project.path(choice.file), source.file, names)
        choose_fold(folds, choice.index)
    except UsageError as error:
        return None, [DataProblem("unusable folds", choice.file, _one_line(error))]
    fold_of = {names[row]: fold for fold, rows in enumerate(folds.rows) for row in rows}
    return SplitFolds(choice.file, len(folds.rows), fold_of), []


def _without_large(coco: AnnotationSet, data: Data) -> tuple[AnnotationSet, list[DataProblem]]:
    """Leave out images that would fill the memory."""
    limit = data.max_megapixels * 1e6
    large = [record for record in coco.images if record.width * record.height > limit]
    problems = [
        DataProblem(
            "image too large",
            record.file_name,
            f"{record.width}x{record.height} pixels, data.max_megapixels = {data.max_megapixels:g}",
        )
        for record in large
    ]
    if not large:
        return coco, problems
    names = {record.file_name for record in large}
    small = tuple(record for record in coco.images if record.file_name not in names)
    return replace(coco, images=small), problems


def _warnings(kind: str, file: Path, warning: str) -> Iterator[DataProblem]:
    if warning:
        yield DataProblem(kind, file.name, warning.removeprefix(f"{file}: "), error=False)


def _with_shared_images(report: DataReport, seen: dict[str, str]) -> DataReport:
    """Add the images that an earlier split holds too; `seen` is content -> where, and grows."""
    shared = [
        DataProblem("image of two splits", name, f"same bytes as {seen[content]}")
        for name, content in report.contents.items()
        if content in seen
    ]
    for name, content in report.contents.items():
        seen.setdefault(content, f"{name} of {report.file.name}")
    return replace(report, problems=(*report.problems, *shared))


def _check_images(
    coco: AnnotationSet, root: Path, progress: Progress
) -> tuple[list[DataProblem], dict[str, str]]:
    problems: list[DataProblem] = []
    contents: dict[str, str] = {}

    def check(record: ImageRecord) -> None:
        path = root / record.file_name
        try:
            if is_file(path):
                contents[record.file_name] = file_digest(path)
            read_image(path, record)
        except ImageSizeError as error:
            problems.append(_image_problem("image of another size", record, path, error))
        except UsageError as error:
            kind = "unreadable image" if is_file(path) else "missing image"
            problems.append(_image_problem(kind, record, path, error))
        except OSError as error:
            detail = error.strerror or str(error)
            problems.append(DataProblem("unreadable image", record.file_name, detail))

    with (
        progress.bar(f"checking images of {coco.path.name}", len(coco.images), "images") as bar,
        ThreadPoolExecutor(_THREADS) as pool,
    ):
        for _ in pool.map(check, coco.images):
            bar.advance()
    # Threads finish in any order; reports should not differ from one run to the next.
    order = {record.file_name: row for row, record in enumerate(coco.images)}
    problems.sort(key=lambda problem: order[problem.where])
    return problems, dict(sorted(contents.items(), key=lambda item: order[item[0]]))


def _image_problem(kind: str, record: ImageRecord, path: Path, error: UsageError) -> DataProblem:
    # The table names the image already.
    detail = error.message.removeprefix(f"{path}: ")
    return DataProblem(kind, record.file_name, detail)


def _photo_repetitions(contents: Mapping[str, str]) -> Iterator[DataProblem]:
    seen: dict[str, str] = {}
    for name, content in contents.items():
        if content in seen:
            detail = f"same bytes as {seen[content]}"
            yield DataProblem("identical images", name, detail, error=False)
        seen.setdefault(content, name)


def _class_contents(coco: AnnotationSet, data: Data) -> tuple[ClassContent, ...]:
    try:
        labels = make_label_map(
            coco.categories, data.classes, data.background, coco.used_categories
        )
    except UsageError:
        return ()
    if data.ignore_index < len(labels.class_names):
        return ()
    n_labels = len(labels.class_names)
    annotations, images = np.zeros(n_labels, np.int64), np.zeros(n_labels, np.int64)
    pixels = np.zeros(n_labels, np.int64)
    for record in coco.images:
        kept = [item for item in record.objects if _counts(item, record, labels)]
        present = [labels.label_of[item.category_id] for item in kept]
        annotations += np.bincount(present, minlength=n_labels)
        if record.mask is not None:
            present = [labels.label_of[each] for each in record.categories]
        images[sorted(set(present))] += 1
        ignored = [item for item in record.annotations if item.ignored]
        paintable = tuple(item for item in [*ignored, *kept] if is_paintable(record, item))
        mask = paint_mask(
            replace(record, annotations=paintable), labels, data.overlap, data.ignore_index
        )
        pixels += np.bincount(mask.ravel(), minlength=n_labels)[:n_labels]
    shares = pixels / max(int(pixels.sum()), 1)
    return tuple(
        ClassContent(name, int(annotations[label]), int(images[label]), float(shares[label]))
        for label, name in enumerate(labels.class_names)
    )


def _counts(annotation: Annotation, record: ImageRecord, labels: LabelMap) -> bool:
    """Return whether a run would train on an annotation, were nothing refused."""
    if annotation.category_id not in labels.label_of:
        return False
    return not why_empty(annotation.segmentation, record.height, record.width)
