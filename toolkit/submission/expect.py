"""What a submission file should hold, said by a recipe, a test JSON or the side-car beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.data.coco import read_coco
from toolkit.data.contest import Split
from toolkit.data.labels import make_label_map
from toolkit.errors import UsageError
from toolkit.files import file_digest
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, SubmissionFormat
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Data
from toolkit.submission.rows import read_ids
from toolkit.submission.side_car import read_side_car, side_car_path


@dataclass(frozen=True)
class Source:
    """Who says what a file should hold.

    Attributes:
        data: names the test JSON, the sample submission and the classes.
        format: the submission format as in a recipe.
        warnings: what is odd about the file, seen on the way.
    """

    data: Data
    format: ComponentSpec
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Expectation:
    """The format of a file, its images in the order of rows, and `class_names[label]`."""

    format: SubmissionFormat
    image_ids: tuple[str, ...]
    class_names: tuple[str, ...]


def from_recipe(path: Path, project: Project) -> Source:
    """Take data and format from a recipe."""
    recipe = load_recipe(path, project=project).recipe
    return Source(recipe.data, recipe.submission)


def from_files(test: Path | None, sample: Path | None, size: tuple[int, int] | None) -> Source:
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
    return Source(data, ComponentSpec(name="mask_string", **parameters))


def from_side_car(submission: Path) -> Source | None:
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
        sample_submission=side_car.sample_submission,
        classes=tuple(classes),
        background=background,
        overlap=side_car.overlap,
    )
    warnings = []
    if submission.is_file() and file_digest(submission) != side_car.digest:
        warnings.append(f"{submission} was changed after its side-car was written")
    return Source(data, side_car.format, tuple(warnings))


def expect(source: Source, project: Project, registry: Registry) -> Expectation:
    """Return what a submission must hold: the images of `data.test`, in the order of rows.

    Raises:
        UsageError: no test JSON is named, a file is wrong, or the class names are unknown.
    """
    data = source.data
    if data.test is None:
        raise UsageError("data.test is unset: there is no list of the images to submit")
    root = project.root / Path(data.root).expanduser()
    coco = read_coco(root / data.test, labelled=False)
    if data.classes is not None:
        class_names: tuple[str, ...] = (data.background, *data.classes)
    else:
        # A test JSON often has no categories, and then the training JSON must say them.
        categories, train = coco.categories, root / data.train
        if not categories and not train.is_file():
            raise UsageError(
                f"{coco.path} has no categories: the class names are unknown",
                "Say them with --recipe RECIPE.",
            )
        categories = categories or read_coco(train).categories
        class_names = make_label_map(categories, None, data.background).class_names
    sample = root / data.sample_submission if data.sample_submission else None
    return Expectation(
        format=registry.build("submission_format", source.format, Context(class_names)),
        image_ids=row_order([record.file_name for record in coco.images], sample),
        class_names=class_names,
    )


def row_order(file_names: Sequence[str], sample: Path | None) -> tuple[str, ...]:
    """Return the image ids in the order of rows: the sample's when it has rows, else as given.

    Raises:
        UsageError: an image repeats, or the sample lists other images.
    """
    if len(set(file_names)) < len(file_names):
        raise UsageError("the test JSON lists an image twice", "`trash data check` names it.")
    ids = read_ids(sample) if sample is not None else ()
    if not ids:
        return tuple(file_names)
    rows_of, expected = Counter(ids), set(file_names)
    for problem, wrong in (
        ("lacks", [name for name in file_names if name not in rows_of]),
        ("lists images that the test JSON lacks:", [i for i in rows_of if i not in expected]),
        ("repeats", [image_id for image_id, count in rows_of.items() if count > 1]),
    ):
        if wrong:
            more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
            raise UsageError(f"sample submission {sample} {problem} {', '.join(wrong[:3])}{more}")
    return ids


def truth_split(path: Path, data: Data) -> Split:
    """Open annotations of the submitted images with the classes and rules of `data`.

    Raises:
        UsageError: the file is no COCO file, or its categories are not the classes.
    """
    coco = read_coco(path)
    try:
        labels = make_label_map(coco.categories, data.classes, data.background)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", error.hint) from None
    return Split(
        name="truth",
        file=path,
        root=path.parent,
        images=coco.images,
        labels=labels,
        overlap=data.overlap,
        ignore_index=data.ignore_index,
        digest=coco.digest,
    )
