"""The splits of a contest, opened from a recipe's `[data]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from toolkit.data.annotation_rules import with_annotation_rules
from toolkit.data.annotation_sets import read_annotations
from toolkit.data.exclusions import with_exclusions
from toolkit.data.folds import choose_fold, read_folds
from toolkit.data.guards import (
    equal_photos,
    like_photos,
    refuse_duplicates,
    refuse_equal_photos,
    refuse_large_images,
    refuse_shared_images,
    require_files,
    require_same_categories,
    require_same_images,
)
from toolkit.data.labels import LabelMap, make_label_map
from toolkit.data.near_files import not_found
from toolkit.data.photo_rules import with_photo_rules
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.files import exists, is_file
from toolkit.plugin.reader import AnnotationSet
from toolkit.progress import Progress, say_once
from toolkit.recipe.data_folder import data_file
from toolkit.recipe.data_tables import Demo
from toolkit.recipe.schema import Data
from toolkit.suggestions import nearest
from toolkit.wording import counted, some_of
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class Contest:
    """Everything that a recipe's `[data]` names; `class_names[label]`, label 0 = background."""

    class_names: tuple[str, ...]
    train: Split
    val: Split
    test: Split | None
    truth: Split | None
    sample_submission: Path | None


def open_contest(workspace: Workspace, data: Data) -> Contest:
    """Read the annotations of a recipe and check that they fit together.

    A recipe with `data.demo` has its synthetic contest written first, unless it is there.

    Raises:
        UsageError: a file is missing or not of its format; categories disagree between files or
            with `data.classes`; an annotation's category is outside the class list, or it covers no
            pixel; a photo is broken or of another size than its record; an image repeats, is in two
            splits, or its file is missing; a validation photo is in the training split under
            another name; the split file, or the list of `data.exclude`, is made for other images.
    """
    project, progress = workspace.project, workspace.progress
    root = project.path(data.root)
    if data.demo is not None:
        from toolkit.demo.write_demo import write_demo

        write_demo(root, data.demo, progress)
    require_folder(data, root)
    train = _open_split(workspace, data, "train", None)
    if data.folds is not None:
        folds = read_folds(project.path(data.folds.file), train.file, train.file_names)
        training, validating = choose_fold(folds, data.folds.index)
        train, val = train.part("train", training), train.part("val", validating)
    elif data.val is not None:
        val = _open_split(workspace, data, "val", train)
    else:
        raise UsageError("data.val is unset", "Name it there, or set data.folds.")
    test = _open_split(workspace, data, "test", train) if data.test else None
    truth = _open_split(workspace, data, "truth", train) if data.truth else None
    if test and truth:
        require_same_images(test, truth)
    splits = [split for split in (train, val, test) if split]
    refuse_shared_images(splits)
    for split in splits:
        require_files(split)
        split.read_contents(progress)
    refuse_equal_photos(train, val)
    if test:
        for other in (train, val):
            _warn_of_known_photos(test, other, progress)
    for held_out in (val, test):
        if held_out:
            _warn_of_like_photos(held_out, train, progress)
    train, val, test = _with_photo_rules(train, val, test, data, progress)
    if data.exclude is not None:
        train = with_exclusions(train, val, project.path(data.exclude), progress)
    sample = data_file(root, data.sample_submission) if data.sample_submission else None
    if sample is not None and not is_file(sample):
        raise not_found(sample, "data.sample_submission")
    return Contest(train.labels.class_names, train, val, test, truth, sample)


def _with_photo_rules(
    train: Split, val: Split, test: Split | None, data: Data, progress: Progress
) -> tuple[Split, Split, Split | None]:
    whole = [train, val] if train.source is None else [train.source]
    ready = with_photo_rules([*whole, *([test] if test else [])], data, progress)
    test = ready.pop() if test else None
    if train.source is None:
        return ready[0], ready[1], test
    return ready[0].part("train", train.rows), ready[0].part("val", val.rows), test


def _warn_of_known_photos(test: Split, other: Split, progress: Progress) -> None:
    """Warn that photos of the test split are in another split too."""
    copies = equal_photos(test, other)
    if copies:
        one, several = (
            "test image is the same photo as one",
            "test images are the same photos as images",
        )
        progress.say(
            f"warning: {counted(len(copies), one, several)} of {other.name}: "
            f"{some_of(copies)}; a score on the test split is too high for them"
        )


def _warn_of_like_photos(held_out: Split, train: Split, progress: Progress) -> None:
    """Warn that photos look like some that are trained on, as far as it is known already."""
    alike = like_photos(held_out, train)
    if alike:
        one, several = "image of {} looks like one", "images of {} look like images"
        what = counted(len(alike), one, several).format(held_out.name)
        say_once(
            progress,
            f"warning: {what} of {train.name}: {some_of(alike)}; a score on them may be too high. "
            "trash data check RECIPE lists them"
            + (
                ", trash data split --groups near-duplicates keeps them together"
                if held_out.source is not None and held_out.source is train.source
                else ""
            ),
        )


def own_classes(workspace: Workspace, data: Data) -> tuple[str, ...] | None:
    """Return the names of a recipe's classes, in label order from 1; None = not known here.

    None, too, for the classes of the demo contest: they are not the recipe's own.
    """
    from toolkit.demo.write_demo import demo_classes

    classes = data.classes
    if classes is None and data.demo is None:
        try:
            root = workspace.project.path(data.root)
            coco = read_annotations(workspace, data, data_file(root, data.train), root)
            labels = make_label_map(coco.categories, None, data.background, coco.used_categories)
            classes = labels.class_names[1:]
        except TrashError:  # not on this machine, or wrong: `recipe check` tells it
            return None
    return None if not classes or classes == demo_classes(Demo()) else classes


def open_unlabelled(workspace: Workspace, data: Data, file: str, contest: Contest) -> Split:
    """Open images beside the splits of a contest; annotations that they may have are not looked at.

    Args:
        workspace: has the readers; is told what is odd in the file.
        data: where the images are.
        file: as `data.test` names images, relative to `data.root`.
        contest: gives the classes.

    Raises:
        UsageError: the file or an image is missing, the file is not of its format, or an image
            repeats.
    """
    path = data_file(workspace.project.path(data.root), file)
    split = _read_split(workspace, data, path, "unlabelled", "pseudo.images", contest.train)
    require_files(split)
    split.read_contents(workspace.progress)
    known = [other.exif_applied for other in (contest.train, contest.val, contest.test) if other]
    return with_photo_rules([split], data, workspace.progress, known)[0]


def _open_split(workspace: Workspace, data: Data, name: str, train: Split | None) -> Split:
    path = data_file(workspace.project.path(data.root), getattr(data, name))
    return _read_split(workspace, data, path, name, f"data.{name}", train)


_UNLABELLED = ("test", "unlabelled")


def _read_split(
    workspace: Workspace, data: Data, path: Path, name: str, key: str, train: Split | None
) -> Split:
    if not exists(path):
        raise not_found(path, key)
    root = workspace.project.path(data.root)
    coco = read_annotations(workspace, data, path, root, labelled=name not in _UNLABELLED)
    if not coco.images:
        raise UsageError(f"{path}: no images")
    split = Split(
        name=name,
        file=path,
        root=root,
        images=coco.images,
        labels=_labels(data, coco, train),
        overlap=data.overlap,
        ignore_index=data.ignore_index,
        digest=coco.digest,
        cache=workspace.project.cache,
    )
    if data.ignore_index < len(split.labels.class_names):
        raise UsageError(
            f"data.ignore_index = {data.ignore_index} is the label of "
            f"{split.labels.class_names[data.ignore_index]}",
            "Use 255.",
        )
    refuse_duplicates(split)
    refuse_large_images(split, data.max_megapixels)
    if name not in _UNLABELLED:  # annotations of the others, if any, are not used
        split = with_annotation_rules(split, coco, data, workspace.progress)
    return split


def _labels(data: Data, coco: AnnotationSet, train: Split | None) -> LabelMap:
    if train is None:
        classes = data.classes
        if not coco.categories:
            raise UsageError(f"{coco.path}: no categories")
    elif coco.categories:
        classes = train.labels.class_names[1:]
        require_same_categories(coco, train)
    else:
        return LabelMap(train.labels.class_names, {})
    try:
        return make_label_map(coco.categories, classes, data.background, coco.used_categories)
    except UsageError as error:
        raise UsageError(f"{coco.path}: {error.message}", error.hint) from None


def require_folder(data: Data, root: Path) -> None:
    """Refuse a contest whose folder is not there: none of its files can be.

    Raises:
        UsageError: with the nearest folder, and what belongs there.
    """
    if root.is_dir():
        return
    if data.demo is not None:
        raise UsageError(
            f"the demo contest is not in {root} yet",
            "A run of the recipe writes it; trash recipe run RECIPE --plan writes it and trains "
            "nothing.",
            parameter="data.root",
        )
    files = [data.train, None if data.folds else data.val, data.test]
    names = ", ".join(file for file in files if file)
    try:
        near = nearest(root.name, [each.name for each in root.parent.iterdir() if each.is_dir()])
    except OSError:
        near = None
    raise UsageError(
        f"there is no folder {root}" if not root.exists() else f"{root} is not a folder",
        (f"Did you mean {root.parent / near}? " if near else "")
        + f"Put or link the data there ({names} and the images), "
        "or say where they are: --data DIR.",
        parameter="data.root",
    )
