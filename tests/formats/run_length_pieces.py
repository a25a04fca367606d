"""Run-length files written and read the obvious way."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.formats.run_length import Order, RunLength

NAMES = ("Background", "Paper", "Glass", "Plastic bag")
COLUMNS = ("ImageId_ClassId", "EncodedPixels")
CELLS = ("{image}_{label}", "{pixels}")
HEADER = "ImageId_ClassId,EncodedPixels\n"
Rows = Sequence[tuple[str, NDArray[np.uint8]]]

many = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def make(
    size: tuple[int, int] = (2, 3),
    order: Order = "column-major",
    first_pixel: int = 1,
    **options: Any,
) -> RunLength:
    columns = options.pop("columns", COLUMNS)
    cells = options.pop("cells", CELLS)
    names = options.pop("class_names", NAMES)
    return RunLength(size, columns, cells, names, order, first_pixel, **options)


def pixels_of(size: tuple[int, int], order: Order) -> list[tuple[int, int]]:
    """The pixels in the order in which they are numbered."""
    rows, columns = range(size[0]), range(size[1])
    if order == "row-major":
        return [(row, column) for row in rows for column in columns]
    return [(row, column) for column in columns for row in rows]


def obvious_parse(content: bytes, format_: RunLength) -> list[tuple[str, list[list[int]]]] | None:
    """Slow and obvious: the maps of a file that is exactly in the format, else None."""
    *lines, last = content.split(b"\n")
    if last or not lines or lines[0] != HEADER[:-1].encode():
        return None
    maps: list[tuple[str, list[list[int]]]] = []
    seen: set[int] = set()
    n_classes = len(format_.class_names)
    for line in lines[1:]:
        try:
            match = re.fullmatch(r'(?s)("(?:[^"]|"")*"|[^",]*),("[0-9 ]*"|[0-9 ]*)', line.decode())
        except UnicodeDecodeError:
            return None
        if match is None:
            return None
        name, text = match[1], match[2].strip('"') if match[2].startswith('"') else match[2]
        name = name[1:-1].replace('""', '"') if name.startswith('"') else name
        said = re.fullmatch(r"(?s)(.*)_([0-9]+)", name)
        if said is None or not 1 <= int(said[2]) < n_classes or len(said[2]) > 1:
            return None
        image_id, label = said[1], int(said[2])
        if not maps or maps[-1][0] != image_id:
            if maps and len(seen) < n_classes - 1:
                return None
            seen = set()
            maps.append((image_id, [[0] * format_.size[1] for _ in range(format_.size[0])]))
        if label in seen:
            return None
        seen.add(label)
        order = pixels_of(format_.size, format_.order)
        numbers = text.split(" ") if text else []
        end = 0
        if len(numbers) % 2 or not all(re.fullmatch("0|[1-9][0-9]*", each) for each in numbers):
            return None
        for start, length in zip(numbers[0::2], numbers[1::2], strict=True):
            begin = int(start) - format_.first_pixel
            if begin < end or int(length) < 1 or begin + int(length) > len(order):
                return None
            end = begin + int(length)
            for row, column in order[begin:end]:
                if maps[-1][1][row][column]:
                    return None
                maps[-1][1][row][column] = label
    return None if maps and len(seen) < n_classes - 1 else maps


def bytes_of(format_: RunLength, rows: Rows) -> bytes:
    target = io.BytesIO()
    format_.write(target, rows)
    return target.getvalue()


def read(format_: RunLength, path: Path, content: bytes | str) -> list[tuple[str, Any]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(image_id, labels.tolist()) for image_id, labels in format_.read(path)]


@st.composite
def maps(draw: st.DrawFn, size: tuple[int, int], n_classes: int) -> NDArray[np.uint8]:
    """Noise, long runs that cross lines, or one class alone."""
    n_pixels = size[0] * size[1]
    label = st.integers(0, n_classes - 1)
    how = draw(st.sampled_from(["noise", "runs", "one"]))
    if how == "one":
        return np.full(size, draw(label), np.uint8)
    if how == "noise":
        flat = draw(st.lists(label, min_size=n_pixels, max_size=n_pixels))
    else:
        flat = []
        while len(flat) < n_pixels:
            flat += [draw(label)] * draw(st.integers(1, 2 * max(size)))
    order = draw(st.sampled_from(["C", "F"]))
    return np.array(flat[:n_pixels], np.uint8).reshape(size, order=order)


@st.composite
def contents(draw: st.DrawFn) -> tuple[RunLength, Rows]:
    size = draw(st.tuples(st.integers(1, 6), st.integers(1, 5)))
    format_ = make(
        size, draw(st.sampled_from(["column-major", "row-major"])), draw(st.integers(0, 1))
    )
    ids = draw(st.lists(st.text('ab_1,"/ é', max_size=5), max_size=3, unique=True))
    return format_, [(image_id, draw(maps(size, len(NAMES)))) for image_id in ids]
