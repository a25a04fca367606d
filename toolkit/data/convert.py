"""Annotations written in another format, and read again to see that every label is the same."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from toolkit.data.contest import Contest, open_contest
from toolkit.data.masks import paint_mask
from toolkit.data.segmentation import encode
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.files import atomic_path, write_json_atomic, write_text_atomic
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import Progress
from toolkit.recipe.schema import Data
from toolkit.workspace import Workspace

Format = Literal["coco", "masks"]
_IGNORED = "ignored"
"""Category of pixels that count for nothing."""


@dataclass(frozen=True)
class Converted:
    """Annotations in another format.

    Attributes:
        data: a recipe's `[data]` that reads them.
        images: number of images whose labels were compared.
    """

    data: Data
    images: int


def convert_data(workspace: Workspace, data: Data, to: Format, folder: Path) -> Converted:
    """Write the annotations of a contest in another format; photos stay where they are.

    Of COCO and run lengths each object stays one of its own. The folds of a recipe stay as they
    are: all images of its training file are written.

    Args:
        workspace: the project, its components, and who is told what happens.
        data: of a recipe.
        to: "coco": JSON files with run lengths. "masks": PNG files with labels as values, CSV files
            with photo and mask, and a list of the classes.
        folder: to write into; it is empty, or not there.

    Raises:
        UsageError: the folder holds something, or the data cannot be opened.
        TrashError: what was written reads otherwise than what it was made from.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"-o {folder}: is there already, and not empty", "Name a new folder.")
    data = data.model_copy(update={"exclude": None})  # labels as they are, with ids of their own
    contest = open_contest(workspace, data)
    root = workspace.project.path(data.root)
    write = _write_coco if to == "coco" else _write_masks
    files, reader = write(folder, root, _splits(contest, data), workspace.progress)
    names = {name: Path(os.path.relpath(file, root)).as_posix() for name, file in files.items()}
    background, *classes = contest.class_names
    changed = data.model_copy(
        update={
            **names,
            "format": reader,
            "classes": tuple(classes),
            "background": background,
            "demo": None,
        }
    )
    again = open_contest(workspace.silent, changed)
    n_images = 0
    before, after = _splits(contest, data), _splits(again, changed)
    for name, split in before.items():
        n_images += len(split)
        _compare(name, split, after[name], workspace.progress)
    return Converted(changed, n_images)


def _splits(contest: Contest, data: Data) -> dict[str, Split]:
    """Return the splits that files of a recipe name."""
    train = contest.train.source or contest.train
    found = {"train": train, "test": contest.test, "truth": contest.truth}
    if data.folds is None:
        found["val"] = contest.val
    return {name: split for name, split in found.items() if split is not None}


def _labels(record: ImageRecord, split: Split) -> NDArray[np.uint8]:
    return paint_mask(record, split.labels, split.overlap, split.ignore_index)


def _compare(name: str, before: Split, after: Split, progress: Progress) -> None:
    if before.file_names != after.file_names:
        raise TrashError(f"{after.file} lists other photos than {before.file}: a mistake in trash")
    if name == "test":
        return
    with progress.bar(f"comparing {name}", len(before), "images") as bar:
        for one, other in zip(before.images, after.images, strict=True):
            if not np.array_equal(_labels(one, before), _labels(other, after)):
                raise TrashError(
                    f"{after.file}: labels of {one.file_name} are others than in {before.file}",
                    "Objects that overlap may be painted in another order: set data.overlap.",
                )
            bar.advance()


Written = tuple[dict[str, Path], ComponentSpec | None]
"""The file of every split, and the format of a recipe that reads them."""


def _write_coco(
    folder: Path, root: Path, splits: Mapping[str, Split], progress: Progress
) -> Written:
    contents = {}
    for name, split in splits.items():
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        with progress.bar(f"writing {name}", len(split), "images") as bar:
            for number, record in enumerate(split.images, start=1):
                size = {"width": record.width, "height": record.height}
                images.append({"id": number, "file_name": record.file_name, **size})
                for values in _objects(record, split) if name != "test" else ():
                    own = {"id": len(annotations) + 1, "image_id": number}
                    annotations.append(own | values)
                bar.advance()
        class_names = split.labels.class_names
        categories = [{"id": label, "name": own} for label, own in enumerate(class_names) if label]
        contents[name] = {"images": images, "annotations": annotations, "categories": categories}
    ignored = len(splits["train"].labels.class_names)
    has_ignored = any(
        annotation["category_id"] == ignored
        for content in contents.values()
        for annotation in content["annotations"]
    )
    files = {}
    for name, content in contents.items():
        if has_ignored and name != "test":  # the reader wants it in every file with labels
            content["categories"].append({"id": ignored, "name": _IGNORED})
        files[name] = folder / f"{name}.json"
        write_json_atomic(files[name], content)
    spec = ComponentSpec(name="coco", **{"ignore": [_IGNORED]}) if has_ignored else None
    return files, spec


def _write_masks(
    folder: Path, root: Path, splits: Mapping[str, Split], progress: Progress
) -> Written:
    """Write labels as the values of palette images, and lists with each photo and its mask."""
    files = {}
    for name, split in splits.items():
        table = io.StringIO(newline="")
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["image", "mask"])
        taken: set[str] = set()
        with progress.bar(f"writing {name}", len(split), "images") as bar:
            for number, record in enumerate(split.images):
                if name == "test":
                    rows.writerow([record.file_name, ""])
                    continue
                stem = PurePosixPath(record.file_name).stem
                if stem in taken:  # of another folder
                    stem = f"{stem}-{number}"
                taken.add(stem)
                mask = folder / "masks" / name / f"{stem}.png"
                _write_png(mask, _labels(record, split))
                rows.writerow([record.file_name, Path(os.path.relpath(mask, root)).as_posix()])
                bar.advance()
        files[name] = folder / f"{name}.csv"
        write_text_atomic(files[name], table.getvalue())
    train = splits["train"]
    classes = folder / "classes.txt"
    write_text_atomic(classes, "\n".join(train.labels.class_names) + "\n")
    named = Path(os.path.relpath(classes, root)).as_posix()
    parameters = {"classes": named, "ignore": [train.ignore_index]}
    return files, ComponentSpec(name="masks", **parameters)


def _write_png(path: Path, labels: NDArray[np.uint8]) -> None:
    image = Image.fromarray(labels, "P")
    image.putpalette([part for label in range(256) for part in _voc_colour(label)])
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG", optimize=True)


def _voc_colour(label: int) -> tuple[int, int, int]:
    """Return the colour of a label in the palette of PASCAL VOC: black for 0, far apart for more.

    Bits 0, 1 and 2 of the label are the highest ones of red, green and blue, then bits 3, 4, 5 …
    """
    parts = [0, 0, 0]
    for bit in range(8):
        parts[bit % 3] |= (label >> bit & 1) << (7 - bit // 3)
    return parts[0], parts[1], parts[2]


def _objects(record: ImageRecord, split: Split) -> Iterator[dict[str, Any]]:
    """Yield category, outline, area and box of every object, of ignored regions, and of masks."""
    ignored = len(split.labels.class_names)
    if record.mask is not None:
        labels = _labels(record, split)
        for label in np.unique(labels).tolist():
            if label:
                rle = coco_mask.encode(np.asfortranarray(labels == label))
                yield _object(ignored if label == split.ignore_index else label, rle, False)
        return
    for each in record.annotations:
        label = ignored if each.ignored else split.labels.label_of[each.category_id]
        rle = encode(each.segmentation, record.height, record.width)
        yield _object(label, rle, each.iscrowd)


def _object(label: int, rle: Any, iscrowd: bool) -> dict[str, Any]:
    counts = rle["counts"]
    text = counts.decode("ascii") if isinstance(counts, bytes) else counts
    return {
        "category_id": label,
        "segmentation": {"size": list(rle["size"]), "counts": text},
        "area": int(coco_mask.area(rle)),
        "bbox": coco_mask.toBbox(rle).tolist(),
        "iscrowd": int(iscrowd),
    }
