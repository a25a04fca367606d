"""Readers with one mistake each, which nothing but the contract would tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.testing.contract_pieces import registry_with
from toolkit import (
    Annotation,
    AnnotationSet,
    Category,
    ImageRecord,
    MaskFile,
    MaskTable,
    ReadRequest,
    UsageError,
)
from toolkit.testing import examine

SQUARE = [[1, 1, 6, 1, 6, 6, 1, 6]]
Change = Callable[[AnnotationSet, Path], AnnotationSet]


class Names:
    """Reads a list of photos, each with a square of the one class."""

    def __init__(self, change: Change) -> None:
        self.change = change

    def __call__(self, request: ReadRequest) -> AnnotationSet:
        try:
            lines = request.path.read_text(encoding="utf-8").splitlines()
        except ValueError:
            lines = [""]
        if not all(line.endswith(".png") for line in lines):
            raise UsageError(f"{request.path}: not a list of photos")
        sizes = request.photo_sizes(lines)
        images = tuple(
            ImageRecord(number, name, *sizes[number], (Annotation(1, SQUARE, 0, False, number),))
            for number, name in enumerate(lines)
        )
        found = AnnotationSet(request.path, images, (Category(1, "Paper"),))
        return self.change(found, request.root) if request.labelled else found

    def write_example(self, root: Path) -> str:
        for name in ("a.png", "b.png"):
            Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(root / name)
        (root / "list.txt").write_text("a.png\nb.png\n")
        return "list.txt"


def report_of(reader: type[Names], change: Change) -> Any:
    return examine("reader", "broken", registry_with("reader", lambda context: reader(change)))


def unchanged(found: AnnotationSet, root: Path) -> AnnotationSet:
    return found


def with_first(found: AnnotationSet, **changes: Any) -> AnnotationSet:
    return replace(found, images=(replace(found.images[0], **changes), *found.images[1:]))


def with_strange_mask(found: AnnotationSet, root: Path) -> AnnotationSet:
    table = MaskTable(values={0: 77})
    return with_first(found, annotations=(), mask=MaskFile(root / "a.png", table))


def with_a_new_file(found: AnnotationSet, root: Path) -> AnnotationSet:
    (root / "index.json").write_text("{}")
    return found


MISTAKES: dict[str, tuple[Change, str]] = {
    "ids": (lambda found, root: with_first(found, image_id=1), "the ids of images repeat: 1"),
    "names": (
        lambda found, root: with_first(found, file_name="b.png"),
        "the names of images repeat: b.png",
    ),
    "absolute": (
        lambda found, root: with_first(found, file_name=str(root / "a.png")),
        "is not relative to the root",
    ),
    "absent": (
        lambda found, root: with_first(found, file_name="c.png"),
        "there is no photo c.png below the root",
    ),
    "nothing": (lambda found, root: replace(found, images=()), "its example has no images"),
    "categories": (
        lambda found, root: replace(found, categories=(Category(1, "a"), Category(1, "b"))),
        "the ids of categories repeat: 1",
    ),
    "unlisted": (
        lambda found, root: replace(found, categories=(Category(2, "Paper"),)),
        "annotations of categories that it does not list: [1]",
    ),
    "no label": (
        lambda found, root: replace(
            found, images=tuple(replace(each, annotations=()) for each in found.images)
        ),
        "no pixel of its example has a class",
    ),
    "strange mask": (with_strange_mask, "masks of categories that the reader lacks: 77"),
    "digest of the place": (
        lambda found, root: replace(found, digest=str(root)),
        "the digest depends on the folder",
    ),
    "writes": (with_a_new_file, "it writes or removes files below the root"),
    "fewer with labels": (
        lambda found, root: replace(found, images=found.images[:1]),
        "without labels there are other images",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(mistake: str) -> None:
    change, message = MISTAKES[mistake]
    told = [finding.message for finding in report_of(Names, change).findings]
    assert any(message in each for each in told), told


def test_other_files_are_refused_in_words() -> None:
    class Careless(Names):
        def __call__(self, request: ReadRequest) -> AnnotationSet:
            request.path.read_text(encoding="utf-8")
            return super().__call__(request)

    class Mute(Names):
        def __call__(self, request: ReadRequest) -> AnnotationSet:
            try:
                return super().__call__(request)
            except UsageError:
                raise UsageError("no list") from None

    (careless,) = report_of(Careless, unchanged).findings
    assert "UnicodeDecodeError" in careless.message
    (mute,) = report_of(Mute, unchanged).findings
    assert mute.message == "the message does not name the file: no list"


def test_a_right_reader_keeps_its_contract() -> None:
    assert report_of(Names, unchanged).findings == ()
