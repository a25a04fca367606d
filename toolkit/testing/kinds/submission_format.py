"""The contract of a submission format."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.formats.label_rows import sampling_of
from toolkit.plugin.interfaces import Context, SubmissionFormat
from toolkit.testing import samples
from toolkit.testing.contract import Rule, Subject, require

Rows = list[tuple[str, NDArray[np.uint8]]]


def _rows(context: Context, height: int, width: int) -> Rows:
    rng = np.random.default_rng(0)
    ids = ("batch_02/0009.jpg", "batch_01/0010.jpg", "batch_01/a, 1_1.JPG")
    return [(name, samples.labels(rng, height, width, context.n_classes, None)) for name in ids]


def _round_trip(
    form: SubmissionFormat, rows: Iterable[tuple[str, NDArray[np.uint8]]]
) -> tuple[bytes, Rows]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "submission" + form.suffix)
        with path.open("wb") as target:
            form.write(target, rows)
        return path.read_bytes(), [(name, labels.copy()) for name, labels in form.read(path)]


def describes_its_file(subject: Subject) -> None:
    """Names its ending (".csv") and its size (height, width)."""
    form = subject.build()
    require(form.suffix[:1] == ".", f"the suffix is {form.suffix!r}, without its dot")
    height, width = form.size
    require(height > 0 and width > 0, f"the size is {form.size}")


def round_trips(subject: Subject) -> None:
    """Reads back the ids, in order, and the labels that it wrote, from a stream of rows."""
    form = subject.build()
    rows = _rows(subject.context, *form.size)
    _, back = _round_trip(form, iter(rows))
    require([i for i, _ in back] == [i for i, _ in rows], "the ids or their order changed")
    for (name, labels), (_, read) in zip(rows, back, strict=True):
        require(read.dtype == np.uint8, f"labels of {read.dtype}, not uint8")
        require(np.array_equal(read, labels), f"the labels of {name} changed")


def holds_many_classes(subject: Subject) -> None:
    """Holds the labels of contests with more classes: those of two digits, too."""
    names = (*subject.context.class_names, *(f"class {number}" for number in range(30)))
    form = subject.build(class_names=names)
    rng = np.random.default_rng(1)
    rows = [("a.jpg", samples.labels(rng, form.size[0], form.size[1], len(names), None))]
    _, back = _round_trip(form, rows)
    require(
        len(back) == 1 and np.array_equal(back[0][1], rows[0][1]),
        f"labels up to {len(names) - 1} come back changed",
    )


def resizes(subject: Subject) -> None:
    """Brings labels of any size to its own by nearest neighbour."""
    form = subject.build()
    height, width = form.size
    sampling = sampling_of(form)
    rows = _rows(subject.context, 3 * height, 2 * width)
    _, back = _round_trip(form, rows)
    for (name, labels), (_, read) in zip(rows, back, strict=True):
        require(read.shape == (height, width), f"{name} has shape {read.shape}")
        require(np.array_equal(read, sampling(labels)), f"{name} is not the nearest resize")


def is_deterministic(subject: Subject) -> None:
    """Writes the same bytes for the same labels."""
    form = subject.build()
    rows = _rows(subject.context, *form.size)
    require(_round_trip(form, rows)[0] == _round_trip(form, rows)[0], "two files differ")


def refuses_what_was_cut_off(subject: Subject) -> None:
    """Refuses a file that was cut off with a TrashError, or yields the images before the cut."""
    form = subject.build()
    rows = _rows(subject.context, *form.size)
    content, _ = _round_trip(form, rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "submission" + form.suffix)
        path.write_bytes(content[: len(content) // 2])
        try:
            n_images = sum(1 for _ in form.read(path))
        except TrashError:
            return
    require(n_images < len(rows), f"half a file has all {n_images} images")


RULES: tuple[Rule, ...] = (
    describes_its_file,
    round_trips,
    holds_many_classes,
    resizes,
    is_deterministic,
    refuses_what_was_cut_off,
)
