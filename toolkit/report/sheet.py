"""Pictures made of titles, legends and rows of tiles, all of one width."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError, UsageError
from toolkit.files import atomic_path

Picture = NDArray[np.uint8]
"""RGB (height, width, 3)."""

_WIDTH = 1448
_GAP = 8
_PAPER = 235
_INK = (30, 30, 30)
_FONT = cv2.FONT_HERSHEY_DUPLEX
_FONT_SIZE = 0.55
_LINE = 26
_LABEL_SHARE = 0.75
"""Of a class's colour over the photo."""
_ENCODINGS: dict[str, list[int]] = {
    ".png": [],
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 80],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 80],
}
"""Ending of a picture -> options of its encoder."""


def tile_width(columns: int) -> int:
    """Return the width in pixels of a tile when a row has so many."""
    return (_WIDTH - _GAP) // columns - _GAP


def line(text: str) -> Picture:
    """Return a strip of full width with a line of text."""
    return caption(text, _WIDTH, _GAP)


def caption(text: str, width: int, left: int = 0) -> Picture:
    """Return a strip with a line of text, whose middle is left out when it is too long."""
    strip = np.full((_LINE, width, 3), _PAPER, np.uint8)
    kept = len(text)
    shown = text
    while kept > 2 and left + _text_width(shown) > width:
        kept -= 1
        shown = f"{text[: kept // 2]}...{text[len(text) - (kept - kept // 2) :]}"
    _write(strip, shown, left)
    return strip


def _write(strip: Picture, text: str, left: int) -> int:
    """Write into a strip and return where the text ends; OpenCV 4 draws ASCII alone."""
    cv2.putText(strip, text, (left, _LINE - 8), _FONT, _FONT_SIZE, _INK, 1, cv2.LINE_AA)
    return left + _text_width(text)


def _text_width(text: str) -> int:
    (width, _), _ = cv2.getTextSize(text, _FONT, _FONT_SIZE, 1)
    return width


def legend(labels: Collection[int], class_names: Sequence[str], colours: Picture) -> list[Picture]:
    """Return strips that name the colours, uint8 RGB (C, 3), of labels but 0 and no classes."""
    lines: list[Picture] = []
    left = _WIDTH
    for label in sorted(labels):
        if not 0 < label < len(class_names):
            continue
        name = class_names[label]
        if left + _LINE + _text_width(name) > _WIDTH:
            lines.append(line(""))
            left = _GAP
        lines[-1][6:-4, left : left + _LINE - 10] = colours[label]
        left = _write(lines[-1], name, left + _LINE - 4) + 2 * _GAP
    return lines


def coloured(image: Picture, labels: NDArray[np.uint8], colours: Picture) -> Picture:
    """Lay the colours of the labels over a photo in grey; labels without a colour become white.

    Args:
        image: uint8 RGB (H, W, 3).
        labels: uint8 (H, W); 0 leaves the photo, darkened.
        colours: uint8 RGB (C, 3).
    """
    palette = np.full((256, 3), 255, np.uint8)
    palette[: len(colours)] = colours
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    blended = cv2.addWeighted(palette[labels], _LABEL_SHARE, grey, 1 - _LABEL_SHARE, 0)
    return np.where(labels[..., None] == 0, grey // 2, blended).astype(np.uint8)


def grid(tiles: Sequence[Picture], columns: int) -> Picture:
    """Lay tiles of one width out in rows; a row is as high as its highest tile."""
    width = tile_width(columns) + _GAP
    rows = []
    for number in range(ceil(len(tiles) / columns)):
        row = tiles[number * columns : (number + 1) * columns]
        strip = np.full((max(len(tile) for tile in row) + _GAP, _WIDTH, 3), _PAPER, np.uint8)
        for place, tile in enumerate(row):
            left = _GAP + place * width
            strip[: len(tile), left : left + tile.shape[1]] = tile
        rows.append(strip)
    return stacked(rows)


def centred(tile: Picture, width: int) -> Picture:
    """Put a tile that is at most so wide into the middle of a strip of paper."""
    left = (width - tile.shape[1]) // 2
    strip = np.full((tile.shape[0], width, 3), _PAPER, np.uint8)
    strip[:, left : left + tile.shape[1]] = tile
    return strip


def stacked(parts: Sequence[Picture]) -> Picture:
    """Put strips of full width below each other."""
    return np.concatenate([np.empty((0, _WIDTH, 3), np.uint8), *parts])


def require_picture(option: str, path: Path, default: str) -> None:
    """Refuse a file name that ends neither in .png nor in .jpg or .jpeg.

    Args:
        option: what named it, for the message.
        path: the picture to write.
        default: name of the file to propose where `path` is a folder.

    Raises:
        UsageError: the name has another ending, or is that of a folder.
    """
    if path.suffix.lower() not in _ENCODINGS or path.is_dir():
        near = path / default if path.is_dir() else path.with_suffix(".png")
        raise UsageError(
            f"{option} {path} is not the name of a PNG or JPEG file", f"Write {option} {near}."
        )


def write_sheet(path: Path, parts: Sequence[Picture]) -> None:
    """Write the parts below each other as one picture.

    A JPEG (.jpg, .jpeg) takes about a tenth of the bytes of a PNG, whose pixels are exact.

    Raises:
        TrashError: the picture is too large for the format.
        OSError: the file cannot be written.
    """
    picture = cv2.cvtColor(stacked(parts), cv2.COLOR_RGB2BGR)
    ending = path.suffix.lower()
    written, data = cv2.imencode(ending, picture, _ENCODINGS[ending])
    if not written:
        raise TrashError(f"{path}: the picture cannot be encoded", "Show fewer with --count.")
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())
