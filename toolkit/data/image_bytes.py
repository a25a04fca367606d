"""Image files as bytes: reading the header, telling truncated files, decoding the pixels."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from toolkit.data.stored_values import (
    NPY_START,
    TIFF_STARTS,
    npy_shape,
    read_npy,
    read_tiff,
    require_channels,
    scaled_to_bytes,
)
from toolkit.errors import UsageError
from toolkit.plugin.component import N_RGB

# Sizes are compared with `data.max_megapixels` before anything is decoded; what is odd about EXIF
# data that nobody asks for is no news.
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module=r"PIL\.")
cv2.utils.logging.setLogLevel(
    cv2.utils.logging.LOG_LEVEL_SILENT
)  # what it cannot decode is told in one message, with the name of the file

_JPEG_START = b"\xff\xd8"
_JPEG_END = b"\xff\xd9"
_JPEG_SCAN = 0xDA
_JPEG_EXIF = 0xE1
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF_START = b"Exif\x00"
_PNG_START = b"\x89PNG"
_PNG_END = b"IEND\xaeB`\x82"
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _ORIENTATION = 256, 257, 258, 274
_TIFF_CHANNELS, _TIFF_PLANES = 277, 284
_BANDS = {"1": 1, "L": 1, "LA": 2, "I;16": 1, "I": 1, "F": 1, "RGB": 3, "RGBA": 4}
"""Pillow's name of what is stored -> channels as they are decoded."""

UPRIGHT = 1
"""EXIF orientation of a photo that is stored as it is shown."""

_QUARTER_TURNS = (5, 6, 7, 8)

_AGAIN = "Copy or download it again."


@dataclass(frozen=True)
class Header:
    """Size, pixel type and orientation from the header of an image file.

    Attributes:
        width: of the pixels as they are stored.
        height: of the pixels as they are stored.
        orientation: how they are to be shown, 1 … 8 as in EXIF; 1 = as stored.
        channels: as stored; 0 = not known before it is decoded.
    """

    width: int
    height: int
    orientation: int = UPRIGHT
    channels: int = 0

    @property
    def is_quarter_turned(self) -> bool:
        """Whether width and height change places when the orientation is applied."""
        return self.orientation in _QUARTER_TURNS

    def size(self, *, oriented: bool) -> tuple[int, int]:
        """Return (width, height) of the pixels, with the orientation applied or as stored."""
        if oriented and self.is_quarter_turned:
            return self.height, self.width
        return self.width, self.height


def read_header(data: bytes, path: Path) -> Header:
    """Read the header of an image file without decoding it; `path` is for messages.

    Raises:
        UsageError: the bytes are no image, or part of one.
    """
    if is_truncated(data):
        raise UsageError(
            f"{path}: the image is truncated (its end is missing after {len(data):,} bytes)",
            _AGAIN,
        )
    try:
        if data.startswith(_JPEG_START):
            return _jpeg_header(data)
        if data.startswith(NPY_START):
            height, width, channels = npy_shape(data, path)
            return Header(width, height, channels=channels)
        return _tiff_header(data) if data.startswith(TIFF_STARTS) else _header(data)
    except UsageError:
        raise
    except Exception:  # broken bytes make the readers of headers raise nearly everything
        raise UsageError(f"{path}: not a readable image ({len(data):,} bytes)", _AGAIN) from None


def _header(data: bytes) -> Header:
    with Image.open(BytesIO(data)) as image:
        # Not `getexif`, which decodes a whole PNG.
        orientation = _orientation(image.info.get("exif"))
        return Header(image.width, image.height, orientation, _BANDS.get(image.mode, 0))


def _jpeg_header(data: bytes) -> Header:
    """Read the segments before the first scan; Pillow takes a tenth of the time of decoding."""
    orientation: int | None = None
    for marker, start, end in _jpeg_segments(data):
        if marker == _JPEG_EXIF and data.startswith(_EXIF_START, start) and orientation is None:
            orientation = _orientation(data[start:end])
        elif marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, start + 1)
            if min(width, height) < 1:
                break
            # CMYK is decoded as RGB.
            return Header(width, height, orientation or UPRIGHT, min(data[start + 5], 3))
    raise struct.error("a JPEG without a frame")


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of the content of each segment, up to the first scan."""
    position = len(_JPEG_START)
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4])
        yield marker, position + 4, end
        if marker == _JPEG_SCAN:
            return
        position = end


def _orientation(exif: bytes | None) -> int:
    if not exif:
        return UPRIGHT
    tags = Image.Exif()
    try:
        tags.load(exif)
        return _valid_orientation(tags.get(_ORIENTATION))
    except Exception:  # as above; without legible EXIF data a photo is shown as it is stored
        return UPRIGHT


def _tiff_header(data: bytes) -> Header:
    """Read the first directory; Pillow knows fewer kinds of pixels than there are."""
    directory = _tiff_directory(data)
    width, height = int(directory[_TIFF_WIDTH]), int(directory[_TIFF_HEIGHT])
    if min(width, height) < 1:
        raise struct.error("a TIFF without pixels")
    orientation = _valid_orientation(directory.get(_ORIENTATION))
    return Header(width, height, orientation, int(directory.get(_TIFF_CHANNELS, 1)))


def _tiff_directory(data: bytes) -> ImageFileDirectory_v2:
    directory = ImageFileDirectory_v2(data[:8] if data[2:3] in b"*\x00" else data[:16])
    file = BytesIO(data)
    file.seek(directory.next)
    directory.load(file)
    return directory


def _is_deep_planar(data: bytes) -> bool:
    """Return whether it is a TIFF of more than 8 bits in planes, of which OpenCV reads noise."""
    if not data.startswith(TIFF_STARTS):
        return False
    directory = _tiff_directory(data)
    bits = directory.get(_TIFF_BITS, 1)
    deepest = max(bits) if isinstance(bits, tuple) else bits
    return bool(directory.get(_TIFF_PLANES, 1) == 2 and deepest > 8)


def _valid_orientation(orientation: object) -> int:
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else UPRIGHT


def decode(
    data: bytes,
    header: Header,
    path: Path,
    *,
    oriented: bool = True,
    bit_depth: int | None = None,
    value_range: tuple[float, float] | None = None,
    channels: int | None = None,
) -> NDArray[np.uint8]:
    """Return the pixels of an image file as uint8 (height, width, channels).

    Args:
        data: the file.
        header: from `read_header`.
        path: for messages.
        oriented: apply the EXIF orientation.
        bit_depth: bits that the values of files with 16 bits per channel use; None = all 16, and a
            photo that uses 14 or fewer is refused.
        value_range: values of any type that become 0 and 255; None = as `bit_depth` says.
        channels: that the photo must have; None = RGB, which grey photos become, too.

    Raises:
        UsageError: the bytes cannot be decoded, or not to 8 bits without a guess, or they have
            other channels.
    """
    is_npy = data.startswith(NPY_START)
    if is_npy or value_range is not None or channels is not None or _is_deep_planar(data):
        stored = stored_values(data, header, path)
        has_alpha = stored.shape[2] in (2, 4) and not is_npy and not data.startswith(TIFF_STARTS)
        if channels is None and has_alpha:
            stored = stored[..., :-1]
        if channels is None and stored.shape[2] == 1:
            stored = np.repeat(stored, N_RGB, axis=2)
        require_channels(path, stored.shape[2], channels or N_RGB)
        if value_range is None:
            pixels = _eight_bits(stored, path, bit_depth)
        else:
            pixels = scaled_to_bytes(stored, value_range, path)
        return apply_orientation(pixels, header.orientation if oriented else UPRIGHT)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = _decode(data, flags)
    if decoded is None:
        # OpenCV makes no colours of some numbers; which ones is worth telling.
        decoded = _decode(data, cv2.IMREAD_UNCHANGED)
        if decoded is None or decoded.dtype == np.uint8:
            raise UsageError(f"{path}: not a readable image ({len(data):,} bytes)", _AGAIN)
    pixels = _eight_bits(decoded, path, bit_depth)
    # OpenCV turns a TIFF whatever the flags say: it is turned back.
    is_turned = data.startswith(TIFF_STARTS)
    if oriented and not is_turned:
        pixels = apply_orientation(pixels, header.orientation)
    elif is_turned and not oriented:
        pixels = apply_orientation(pixels, _BACK.get(header.orientation, header.orientation))
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def stored_values(data: bytes, header: Header, path: Path) -> NDArray[Any]:
    """Return the values of an image file as they are stored, (height, width, channels).

    Args:
        data: the file.
        header: from `read_header`.
        path: for messages.

    Raises:
        UsageError: they cannot be decoded.
    """
    if data.startswith(NPY_START):
        return read_npy(data, path)
    if data.startswith(TIFF_STARTS):
        decoded = read_tiff(data, header.width * header.height * header.channels, path)
    else:
        decoded = _decode(data, cv2.IMREAD_UNCHANGED)
    if decoded is None:
        raise UsageError(f"{path}: not a readable image ({len(data):,} bytes)", _AGAIN)
    if decoded.ndim == 2:
        return decoded[..., None]
    if data.startswith(TIFF_STARTS):
        return decoded
    found = decoded.shape[2]
    if (header.channels, found) == (2, 4):  # OpenCV makes colours of grey with transparency
        return decoded[..., [0, 3]]
    return decoded[..., [2, 1, 0, *range(3, found)]] if found >= N_RGB else decoded


def _decode(data: bytes, flags: int) -> NDArray[Any] | None:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from None
        return None
    return None if decoded is None else np.asarray(decoded)


_BACK = {6: 8, 8: 6}
"""Orientation -> the one that undoes it, where it is another."""


def apply_orientation(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Return (height, width, channels) as an EXIF orientation of 1 … 8 wants it shown."""
    if orientation in _QUARTER_TURNS:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


_FEW_BITS = 14
"""Of 16: a photo that uses no more is at most a quarter as bright as can be."""


def _eight_bits(decoded: NDArray[Any], path: Path, bit_depth: int | None) -> NDArray[np.uint8]:
    if decoded.dtype == np.uint8:
        return np.asarray(decoded, dtype=np.uint8)
    if decoded.dtype != np.uint16:
        raise UsageError(
            f"{path}: the values of its pixels are of type {decoded.dtype}, which have no known "
            "range",
            "Say it: data.value_range = [LOW, HIGH]; or convert the photos to 8 or 16 bits per "
            "channel.",
        )
    used = int(decoded.max()).bit_length()
    if bit_depth is None and 0 < used <= _FEW_BITS:
        raise UsageError(
            f"{path}: 16 bits per channel, of which its values use {used} at most: "
            "it would become nearly black",
            "Set data.bit_depth to the bits that the photos use, such as 12; 16 means that they "
            "are that dark.",
        )
    bits = bit_depth or 16
    if used > bits:
        raise UsageError(
            f"{path}: its values use {used} bits, data.bit_depth is {bits}",
            f"Set data.bit_depth = {used}, or more.",
        )
    return np.asarray(decoded >> np.uint16(bits - 8), dtype=np.uint8)


def is_truncated(data: bytes) -> bool:
    """Return True for a JPEG without its end marker or a PNG without its last chunk.

    Decoders fill the missing part with grey and say nothing. Bytes after the end are fine: some
    cameras append a preview. Other formats are left to their decoders, which refuse a short file.
    """
    if data.startswith(_JPEG_START):
        return data.find(_JPEG_END, _first_scan(data)) < 0
    return data.startswith(_PNG_START) and _PNG_END not in data


def _first_scan(data: bytes) -> int:
    """Return where the first scan of a JPEG begins: previews before it have their own end marks."""
    scans = (start for marker, start, _ in _jpeg_segments(data) if marker == _JPEG_SCAN)
    return next(scans, len(data))
