"""Contact sheets: pictures of the objects of a bank, and of images that they were pasted into."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.augment import Pipeline
from toolkit.data.contest import Split
from toolkit.data.images import read_image, resize_image
from toolkit.data.masks import paint_mask, resize_mask
from toolkit.errors import TrashError
from toolkit.files import atomic_path
from toolkit.plugin.interfaces import CutOut, ObjectBank, Sample
from toolkit.report.thumbnails import class_colours, fitted

Picture = NDArray[np.uint8]
"""RGB (height, width, 3)."""

_TILE = 112
_COLUMNS = 12
_GAP = 8
_WIDTH = _COLUMNS * (_TILE + _GAP) + _GAP
_MIXES_PER_ROW = 2
_PAPER = 235
_CHECKER = (150, 180)
"""Two greys, so that neither a dark nor a bright edge disappears."""
_SQUARE = 8
_INK = (30, 30, 30)
_FONT = cv2.FONT_HERSHEY_DUPLEX
_FONT_SIZE = 0.55
_LINE = 26
_LABEL_SHARE = 0.75
"""Of a class's colour over the photo."""


def bank_sheet(
    bank: ObjectBank, class_names: Sequence[str], count: int, rng: np.random.Generator
) -> Picture:
    """Return up to `count` random objects of each class, the largest first, under its name.

    Objects lie on a grey checker, smaller than they are if need be and never larger.
    """
    parts = []
    for label in bank.labels:
        positions = bank.of(label)
        chosen = rng.choice(len(positions), min(count, len(positions)), replace=False)
        objects = sorted(
            (bank[positions[each]] for each in chosen.tolist()),
            key=lambda cut_out: -cv2.countNonZero(cut_out.alpha),
        )
        number = f"{len(positions)} {'object' if len(positions) == 1 else 'objects'}"
        shown = f", {len(objects)} of them here" if len(objects) < len(positions) else ""
        parts.append(_line(f"{label}  {class_names[label]}: {number}{shown}"))
        parts.append(_grid([_tile(cut_out) for cut_out in objects], _COLUMNS))
    return _stacked(parts)


def _tile(cut_out: CutOut) -> Picture:
    rows, columns = np.indices((_TILE, _TILE), sparse=True)
    dark = (rows // _SQUARE + columns // _SQUARE) % 2
    tile = np.repeat(np.take(_CHECKER, dark)[..., None], 3, axis=2).astype(np.uint8)
    height, width = fitted(cut_out.alpha.shape, _TILE)
    image = resize_image(cut_out.image, (height, width)).astype(np.float32)
    weight = cv2.resize(cut_out.alpha, (width, height), interpolation=cv2.INTER_AREA)[..., None]
    top, left = (_TILE - height) // 2, (_TILE - width) // 2
    place = tile[top : top + height, left : left + width]
    place[:] = np.round(place + (image - place) * (weight / np.float32(255)))
    return tile


def mixed_samples(
    split: Split,
    pipeline: Pipeline,
    count: int,
    rng: np.random.Generator,
) -> list[tuple[Sample, Sample]]:
    """Return up to `count` random images of a split, each before and after the pipeline.

    Raises:
        TrashError: an image cannot be read, or a step fails.
    """
    pairs = []
    rows = rng.choice(len(split), min(count, len(split)), replace=False)
    for row in sorted(rows.tolist()):
        record = split.images[row]
        mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
        before = Sample(
            image=resize_image(read_image(split.path(row), record), pipeline.image_size),
            mask=resize_mask(mask, pipeline.image_size),
            file_name=record.file_name,
        )
        # An augmentation may write in place.
        copied = replace(before, image=before.image.copy(), mask=before.mask.copy())
        pairs.append((before, pipeline(copied, rng)))
    return pairs


def mixed_sheet(pairs: Iterable[tuple[Sample, Sample]], class_names: Sequence[str]) -> Picture:
    """Return images before and after pasting, and the labels afterwards, under a legend."""
    colours = class_colours(len(class_names))
    width = (_WIDTH - _GAP) // (3 * _MIXES_PER_ROW) - _GAP
    tiles: list[Picture] = []
    seen: set[int] = set()
    for before, after in pairs:
        labels = _coloured(after, colours)
        size = max(1, round(width * labels.shape[0] / labels.shape[1])), width
        tiles += [resize_image(each, size) for each in (before.image, after.image, labels)]
        seen.update(np.unique(after.mask).tolist())
    legend = [
        (class_names[label], colours[label])
        for label in sorted(seen)
        if 0 < label < len(class_names)
    ]
    title = "Pasted into training images: before, after, labels afterwards"
    return _stacked([_line(title), *_legend(legend), _grid(tiles, 3 * _MIXES_PER_ROW)])


def _coloured(sample: Sample, colours: Picture) -> Picture:
    """Lay the colours of the labels over the photo in grey; ignored pixels become white."""
    palette = np.full((256, 3), 255, np.uint8)
    palette[: len(colours)] = colours
    grey = cv2.cvtColor(cv2.cvtColor(sample.image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    blended = cv2.addWeighted(palette[sample.mask], _LABEL_SHARE, grey, 1 - _LABEL_SHARE, 0)
    return np.where(sample.mask[..., None] == 0, grey // 2, blended).astype(np.uint8)


def write_sheet(path: Path, parts: Sequence[Picture]) -> None:
    """Write the parts below each other as one PNG.

    Raises:
        TrashError: the picture is too large for the format.
        OSError: the file cannot be written.
    """
    picture = cv2.cvtColor(_stacked(parts), cv2.COLOR_RGB2BGR)
    written, data = cv2.imencode(".png", picture)
    if not written:
        raise TrashError(f"{path}: the picture cannot be encoded", "Show fewer with --count.")
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _line(text: str) -> Picture:
    strip = np.full((_LINE, _WIDTH, 3), _PAPER, np.uint8)
    _write(strip, text, _GAP)
    return strip


def _write(strip: Picture, text: str, left: int) -> int:
    """Write into a strip and return where the text ends; OpenCV 4 draws ASCII alone."""
    (width, _), _ = cv2.getTextSize(text, _FONT, _FONT_SIZE, 1)
    cv2.putText(strip, text, (left, _LINE - 8), _FONT, _FONT_SIZE, _INK, 1, cv2.LINE_AA)
    return left + width


def _legend(entries: Sequence[tuple[str, NDArray[np.uint8]]]) -> list[Picture]:
    lines: list[Picture] = []
    left = _WIDTH
    for name, colour in entries:
        (width, _), _ = cv2.getTextSize(name, _FONT, _FONT_SIZE, 1)
        if left + _LINE + width > _WIDTH:
            lines.append(_line(""))
            left = _GAP
        lines[-1][6:-4, left : left + _LINE - 10] = colour
        left = _write(lines[-1], name, left + _LINE - 4) + 2 * _GAP
    return lines


def _grid(tiles: Sequence[Picture], columns: int) -> Picture:
    """Lay tiles of one width out in rows; a row is as high as its highest tile."""
    width = (_WIDTH - _GAP) // columns
    rows = []
    for number in range(ceil(len(tiles) / columns)):
        row = tiles[number * columns : (number + 1) * columns]
        strip = np.full((max(len(tile) for tile in row) + _GAP, _WIDTH, 3), _PAPER, np.uint8)
        for place, tile in enumerate(row):
            left = _GAP + place * width
            strip[: len(tile), left : left + tile.shape[1]] = tile
        rows.append(strip)
    return _stacked(rows)


def _stacked(parts: Sequence[Picture]) -> Picture:
    """Put strips of full width below each other."""
    return np.concatenate([np.empty((0, _WIDTH, 3), np.uint8), *parts])
