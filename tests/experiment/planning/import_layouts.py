"""The demo's photos and labels in the layouts of known data sets."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.tiny_project import workspace_of
from tests.workspaces import open_truth
from toolkit.data.contest import Contest, open_contest
from toolkit.data.masks import paint_mask
from toolkit.project import Project
from toolkit.recipe.load import load_recipe

Capture = pytest.CaptureFixture[str]
Labels = NDArray[np.uint8]
FILES = {"train": "train", "val": "val", "test": "test_truth"}
COLOURS = np.random.default_rng(3).permutation(256)[: 3 * 12].reshape(12, 3).astype(np.uint8)
COLOURS[0] = 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty folder, as a newcomer has it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return Project(tmp_path)


class Source:
    """The demo's photos and labels, to be written in other layouts."""

    def __init__(self, demo_root: Path) -> None:
        self.truths = {
            split: open_truth(demo_root / f"{file}.json") for split, file in FILES.items()
        }
        self.class_names = self.truths["train"].labels.class_names
        self.labels = {
            f"{split}{position}": paint_mask(record, truth.labels, "max-id", 255)
            for split, truth in self.truths.items()
            for position, record in enumerate(truth.images)
        }

    def __iter__(self) -> Iterator[tuple[str, str, Path, Labels]]:
        """Yield split, name without ending, photo and labels of every image."""
        for split, truth in self.truths.items():
            for position in range(len(truth)):
                stem = f"{split}{position}"
                yield split, stem, truth.path(position), self.labels[stem]

    def n(self, split: str) -> int:
        return len(self.truths[split])


@pytest.fixture
def source(demo_root: Path) -> Source:
    return Source(demo_root)


def put(photo: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(photo, path)


def write(path: Path, values: NDArray[Any], *, palette: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if palette:
        image = Image.fromarray(values, "P")
        image.putpalette(COLOURS.ravel().tolist())
    image.save(path)


def with_void(labels: Labels) -> Labels:
    """Return labels with a corner that nobody drew."""
    found = labels.copy()
    found[:5, :7] = 255
    return found


def write_lines(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def camvid(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        put(photo, root / split / f"{stem}{photo.suffix}")
        write(root / f"{split}annot" / f"{stem}.png", with_void(labels))
    write_lines(root / "classes.txt", list(source.class_names))


def colours(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        put(photo, root / "images" / split / f"{stem}{photo.suffix}")
        write(root / "masks" / split / f"{stem}.png", COLOURS[labels])
    with (root / "class_dict.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "r", "g", "b"])
        rows.writerows(
            [name, *colour.tolist()]
            for name, colour in zip(source.class_names, COLOURS, strict=False)
        )


def split_folders(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        put(photo, root / split / "images" / f"{stem}{photo.suffix}")
        write(root / split / "labels" / f"{stem}_mask.png", labels.astype(np.uint16))


def voc(source: Source, root: Path) -> None:
    lists: dict[str, list[str]] = {}
    for split, stem, photo, labels in source:
        lists.setdefault(split, []).append(stem)
        put(photo, root / "JPEGImages" / f"{stem}{photo.suffix}")
        if split != "test":
            write(root / "SegmentationClass" / f"{stem}.png", with_void(labels), palette=True)
    for split, stems in lists.items():
        write_lines(root / "ImageSets" / "Segmentation" / f"{split}.txt", stems)
        write_lines(root / "ImageSets" / "Main" / f"{split}.txt", stems[:2])
    write_lines(root / "ImageSets/Segmentation/trainval.txt", [*lists["train"], *lists["val"]])
    write_lines(root / "labels.txt", list(source.class_names))


def cityscapes(source: Source, root: Path) -> None:
    for number, (split, stem, photo, labels) in enumerate(source):
        city = ("aachen", "bochum")[number % 2]
        put(photo, root / "leftImg8bit" / split / city / f"{stem}_leftImg8bit{photo.suffix}")
        begin = root / "gtFine" / split / city / f"{stem}_gtFine"
        write(begin.with_name(f"{begin.name}_labelIds.png"), labels)
        write(begin.with_name(f"{begin.name}_color.png"), COLOURS[labels])
        write(begin.with_name(f"{begin.name}_instanceIds.png"), labels.astype(np.uint16) * 1000)


def side_by_side(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        folder = root / ("test" if split == "test" else "pairs")
        put(photo, folder / f"{stem}_sat{photo.suffix}")
        if split != "test":
            write(folder / f"{stem}_mask.png", COLOURS[labels])
    lines = [
        f"{' '.join(map(str, colour.tolist()))}\t{name}"
        for name, colour in zip(source.class_names, COLOURS, strict=False)
    ]
    write_lines(root / "label_colors.txt", lines)


def binary(source: Source, root: Path) -> None:
    for split, stem, photo, labels in source:
        put(photo, root / ("test" if split == "test" else "images") / f"{stem}{photo.suffix}")
        if split != "test":
            write(root / "masks" / f"{stem}.png", ((labels > 0) * 255).astype(np.uint8))


def run_lengths(source: Source, root: Path) -> None:
    lines = ["ImageId,EncodedPixels,ClassId"]
    for split, stem, photo, labels in source:
        folder = "test_images" if split == "test" else "train_images"
        put(photo, root / folder / f"{stem}{photo.suffix}")
        if split == "test":
            continue
        present = [label for label in np.unique(labels).tolist() if label]
        for label in present:
            runs = run_text(labels == label)
            lines.append(f"{stem}{photo.suffix},{runs},{label}")
        if not present:
            lines.append(f"{stem}{photo.suffix},,1")
    write_lines(root / "train.csv", lines)


def run_text(mask: NDArray[np.bool_]) -> str:
    """Return "start length …" down the columns, from 1."""
    flat = np.concatenate([[0], mask.T.ravel().astype(np.int8), [0]])
    begins, ends = (np.flatnonzero(np.diff(flat) == step) for step in (1, -1))
    pairs = zip((begins + 1).tolist(), (ends - begins).tolist(), strict=True)
    return " ".join(f"{begin} {length}" for begin, length in pairs)


def ade(source: Source, root: Path) -> None:
    """Photos of all splits have equal names."""
    numbers: dict[str, int] = {}
    for split, _, photo, labels in source:
        numbers[split] = number = numbers.get(split, -1) + 1
        put(photo, root / "images" / split / "city" / f"{number:03}{photo.suffix}")
        write(root / "annotations" / split / "city" / f"{number:03}.png", labels)


def listed(source: Source, root: Path) -> None:
    """Photos and masks that are called otherwise, in two columns."""
    lines: dict[str, list[str]] = {}
    for number, (split, stem, photo, labels) in enumerate(source):
        put(photo, root / "img" / f"{stem}{photo.suffix}")
        write(root / "gt" / f"g{number}.png", labels)
        lines.setdefault(split, []).append(f"img/{stem}{photo.suffix} gt/g{number}.png")
    for split, own in lines.items():
        write_lines(root / f"{split}.txt", own)
    (root / "classes.json").write_text(json.dumps(list(source.class_names)))


def tables(source: Source, root: Path) -> None:
    rows: dict[str, list[str]] = {}
    for number, (split, stem, photo, labels) in enumerate(source):
        put(photo, root / "img" / f"{stem}{photo.suffix}")
        write(root / "gt" / f"g{number}.png", labels)
        rows.setdefault(split, ["id,label_file,photo"])
        rows[split].append(f"{number},gt/g{number}.png,img/{stem}{photo.suffix}")
    for split, own in rows.items():
        write_lines(root / f"{split}.csv", own)
    names = dict(enumerate(source.class_names))
    (root / "label_map.json").write_text(json.dumps(names))


Layout = Callable[[Source, Path], None]
LAYOUTS: tuple[Layout, ...] = (
    listed,
    tables,
    camvid,
    colours,
    split_folders,
    voc,
    cityscapes,
    side_by_side,
    binary,
    run_lengths,
)
WITH_VOID = (camvid, voc)
WITH_NAMES = (camvid, colours, voc, side_by_side, listed, tables)
WITH_VAL = (camvid, colours, split_folders, voc, cityscapes, listed, tables)


def plain(file_name: str) -> str:
    """Return the name that a photo has in `Source`."""
    return Path(file_name).stem.removesuffix("_leftImg8bit").removesuffix("_sat")


def expected(source: Source, layout: Layout, stem: str) -> Labels:
    labels = source.labels[stem]
    if layout is binary:
        return (labels > 0).astype(np.uint8)
    return with_void(labels) if layout in WITH_VOID else labels


def opened(project: Project) -> Contest:
    data = load_recipe(Path("mine"), project=project).recipe.data
    return open_contest(workspace_of(project), data)
