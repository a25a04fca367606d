"""Label maps as 8-bit PNG pictures whose pixels are the labels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Chunk = tuple[bytes, bytes]
"""Kind and content of a part of a PNG file."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEAD = struct.Struct(">IIBBBBB")
_GREY, _PALETTE = 0, 3
_KINDS = {_GREY: "grey", 2: "RGB", _PALETTE: "palette", 4: "grey with alpha", 6: "RGB with alpha"}
# Keyword, then: not compressed, no language, no translated keyword.
_TEXT = b"image_id\0\0\0\0\0"


class BadPng(Exception):
    """The bytes are not the PNG of a label map; the message says why."""


def encode_png(labels: NDArray[np.uint8], image_id: str, palette: bool) -> bytes:
    """Return uint8 (H, W) labels as a PNG.

    Args:
        labels: the map.
        image_id: kept in a text chunk, which graders do not look at; without NUL.
        palette: give every label its colour of PASCAL VOC, so that people can look at the map; the
            pixels are the labels either way.
    """
    height, width = labels.shape
    # Labels are flat areas: they are smallest unfiltered, and a filter of 0 begins every line.
    lines = np.pad(labels, ((0, 0), (1, 0)))
    chunks = [(b"IHDR", _HEAD.pack(width, height, 8, _PALETTE if palette else _GREY, 0, 0, 0))]
    if palette:
        chunks.append((b"PLTE", voc_colours().tobytes()))
    chunks.append((b"iTXt", _TEXT + image_id.encode()))
    chunks.append((b"IDAT", zlib.compress(lines.tobytes())))
    chunks.append((b"IEND", b""))
    return _join(chunks)


def decode_png(data: bytes, size: tuple[int, int]) -> tuple[NDArray[np.uint8], str | None]:
    """Return the labels, uint8 (H, W), and the image id if `encode_png` wrote it.

    Args:
        data: the file.
        size: (height, width) that it must have.

    Raises:
        BadPng: it is damaged, of another size, or not one channel of 8 bits (grey or palette).
    """
    chunks = list(_chunks(data))
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != _HEAD.size:
        raise BadPng("the PNG has no header")
    width, height, depth, kind, *_, interlaced = _HEAD.unpack(chunks[0][1])
    if depth != 8 or kind not in (_GREY, _PALETTE):
        raise BadPng(f"{depth}-bit {_KINDS.get(kind, 'pixels')}; expected 8-bit grey or palette")
    if (height, width) != size:
        raise BadPng(f"the picture is {height} × {width}, expected {size[0]} × {size[1]}")
    if interlaced:
        raise BadPng("the picture is interlaced: save it without that")
    pixels = b"".join(content for name, content in chunks if name == b"IDAT")
    _require_whole(pixels, height * (width + 1))
    # Read as grey, the pixels of a palette are their positions in it: the labels.
    head = (b"IHDR", _HEAD.pack(width, height, 8, _GREY, 0, 0, 0))
    grey = _join([head, (b"IDAT", pixels), (b"IEND", b"")])
    labels = cv2.imdecode(np.frombuffer(grey, np.uint8), cv2.IMREAD_UNCHANGED)
    if labels is None or labels.shape != size or labels.dtype != np.uint8:
        raise BadPng("the pixels cannot be decoded")
    return np.asarray(labels, np.uint8), _image_id(chunks)


def voc_colours() -> NDArray[np.uint8]:
    """Return the colour of every label, RGB uint8 (256, 3), as the PASCAL VOC development kit does.

    The bits of a label are dealt out to red, green and blue in turn, the lowest to the highest bit.
    """
    labels = np.arange(256, dtype=np.uint8)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        colours[:, bit % 3] |= (labels >> bit & 1) << (7 - bit // 3)
    return colours


def _join(chunks: Sequence[Chunk]) -> bytes:
    parts = [_SIGNATURE]
    for kind, content in chunks:
        checksum = zlib.crc32(kind + content)
        parts += [struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)]
    return b"".join(parts)


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the parts of a PNG up to its end; everything is compared with its checksum."""
    if not data.startswith(_SIGNATURE):
        raise BadPng("not a PNG file")
    position, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        if len(data) < position + 12:
            raise BadPng("the PNG is cut off")
        length, kind = struct.unpack_from(">I4s", data, position)
        content = data[position + 8 : position + 8 + length]
        checksum = data[position + 8 + length : position + 12 + length]
        if checksum != struct.pack(">I", zlib.crc32(kind + content)):
            raise BadPng("the PNG is damaged: a checksum does not match")
        yield kind, content
        position += 12 + length


def _require_whole(pixels: bytes, n_bytes: int) -> None:
    # OpenCV fills what is missing with zeros, which are background.
    stream = zlib.decompressobj()
    try:
        found = len(stream.decompress(pixels, n_bytes + 1))
    except zlib.error:
        found = -1
    if found != n_bytes or not stream.eof:
        raise BadPng("the pixels are damaged or not all there")


def _image_id(chunks: Sequence[Chunk]) -> str | None:
    for kind, content in chunks:
        if kind == b"iTXt" and content.startswith(_TEXT):
            try:
                return content[len(_TEXT) :].decode()
            except UnicodeDecodeError:
                raise BadPng("the image id inside is not UTF-8 text") from None
    return None
