"""Photos of any number type and channels: NPY and TIFF files, and their values as 8 bits."""

from __future__ import annotations

import logging
import math
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from toolkit.data.array_store import Arrays
from toolkit.errors import UsageError
from toolkit.plugin.component import N_RGB
from toolkit.wording import counted

# What is odd about a TIFF that can be decoded is no news.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

NPY_START = b"\x93NUMPY"
TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

_NUMBERS = "buif"
"""Kinds of number types, as `numpy.dtype.kind`, that pixels may have."""
_RGB_OR_ALPHA = 4
_SMALL_TILES = 1 << 24
"""Values of one tile that are never too many, whatever the size of the photo."""
_ROWS = 64
_PALETTE = 3
_LOOKED_AT = 16
_MOST_AT_ENDS = 0.99
_FEWEST_LEVELS = 16


def require_channels(path: Path, found: int, declared: int | None) -> None:
    """Refuse a photo of other channels than the recipe says.

    Args:
        path: for messages.
        found: channels of the file; 0 = not known before it is decoded.
        declared: `data.channels`; None = RGB, grey, or one of these with transparency.

    Raises:
        UsageError: it has others.
    """
    if found in (0, declared) or (declared is None and found <= _RGB_OR_ALPHA):
        return
    wanted = "data.channels is unset" if declared is None else f"{declared} expected"
    raise UsageError(
        f"{path}: it has {counted(found, 'channel', 'channels')}, {wanted}",
        f"Set data.channels = {found} if all photos have as many."
        if declared in (None, N_RGB)
        else "data.channels says how many channels every photo has.",
    )


def npy_shape(data: bytes, path: Path) -> tuple[int, int, int]:
    """Return (height, width, channels) of an NPY file; (H, W) is a photo of one channel.

    Raises:
        UsageError: it is no array of pixels, or it is cut off.
        ValueError: its header is broken.
    """
    shape, _, dtype, start = _npy_header(data)
    if dtype.kind not in _NUMBERS or len(shape) not in (2, 3) or min(shape) < 1:
        raise UsageError(
            f"{path}: an array of shape {shape} and type {dtype}, expected numbers of shape "
            "(height, width) or (height, width, channels)",
            "Save it with numpy.save, one photo a file.",
        )
    if len(data) - start < math.prod(shape) * dtype.itemsize:
        raise UsageError(
            f"{path}: the image is truncated (its end is missing after {len(data):,} bytes)",
            "Copy or download it again.",
        )
    return shape[0], shape[1], shape[2] if len(shape) == 3 else 1


def read_npy(data: bytes, path: Path) -> NDArray[Any]:
    """Return the values of an NPY file, (height, width, channels), in the machine's byte order.

    Raises:
        UsageError: as `npy_shape`.
    """
    height, width, channels = npy_shape(data, path)
    _, fortran, dtype, start = _npy_header(data)
    count = height * width * channels
    flat = np.frombuffer(data, dtype, count, offset=start)
    shape = height, width, channels
    return flat.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))


def _npy_header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, whether the order is Fortran's, number type, and where the values begin."""
    file = BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, fortran, dtype = read(file)
    return shape, fortran, dtype, file.tell()


def read_tiff(data: bytes, n_values: int, path: Path) -> NDArray[Any] | None:
    """Return the first picture of a TIFF file as it is stored, (height, width[, channels]).

    Args:
        data: the file; compressed, tiled and planar ones too.
        n_values: height × width × channels by its header.
        path: for messages.

    Returns:
        The values in the machine's byte order, or None where they cannot be decoded.

    Raises:
        UsageError: they are numbers of colours in a palette.
    """
    try:
        with tifffile.TiffFile(BytesIO(data)) as file:
            page: Any = file.pages[0]
            # Tiles of a damaged file may be larger than any memory.
            if page.photometric == _PALETTE:
                raise UsageError(
                    f"{path}: its values are numbers of colours in a palette",
                    "Convert the photos to RGB.",
                )
            whole = math.prod(page.shape) == n_values
            if not whole or math.prod(page.chunks) > max(4 * n_values, _SMALL_TILES):
                return None
            values = np.asarray(page.asarray(maxworkers=1))
            if values.shape != page.shape or page.axes not in ("YX", "YXS", "SYX"):
                return None
            if page.axes == "SYX":
                values = np.moveaxis(values, 0, -1)
    except (MemoryError, UsageError):
        raise
    except Exception:  # broken bytes make the reader and its codecs raise nearly everything
        return None
    return values.astype(values.dtype.newbyteorder("=")) if values.dtype.kind in _NUMBERS else None


def scaled_to_bytes(
    values: NDArray[Any], value_range: tuple[float, float], path: Path
) -> NDArray[np.uint8]:
    """Return values as uint8: linearly from low = 0 to high = 255, rounded, cut off outside.

    Args:
        values: (H, W, channels) of any number type; infinite ones are cut off as well.
        value_range: (low, high).
        path: for messages.

    Raises:
        UsageError: some are not a number (NaN).
    """
    pixels = np.empty(values.shape, np.uint8)
    if values.dtype.kind in "bui" and values.dtype.itemsize <= 2:
        every = np.arange(1 << 8 * values.dtype.itemsize)
        if values.dtype.kind == "i":
            every = every.astype(f"u{values.dtype.itemsize}").view(values.dtype)
        table = _scaled(every, value_range)
        return np.asarray(table[values.view(f"u{values.dtype.itemsize}")], dtype=np.uint8)
    for start in range(0, len(values), _ROWS):  # floats of a whole photo would fill the memory
        rows = slice(start, start + _ROWS)
        unknown = int(np.isnan(values[rows]).sum())
        if unknown:
            total = int(np.isnan(values).sum())
            raise UsageError(
                f"{path}: {counted(total, 'value is', 'values are')} not a number (NaN) of "
                f"{values.size:,}",
                "Replace them by a value, such as the lowest, and save the photo again.",
            )
        pixels[rows] = _scaled(values[rows], value_range)
    return pixels


def _scaled(values: NDArray[Any], value_range: tuple[float, float]) -> NDArray[np.uint8]:
    low, high = value_range
    scaled = (values.astype(np.float64) - low) * 255 / (high - low)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def range_warning(images: Arrays, value_range: tuple[float, float], split: str) -> str | None:
    """Return a warning that photos hardly fill their declared range; None = they do.

    At most 16 photos are looked at, evenly spread. They do not fill it if 99 % of their values
    become 0 or 255, or if nearly all (between the quantiles .005 and .995) become fewer than 16
    levels: 12-bit values in a range of 16 bits become 15.

    Args:
        images: the photos, uint8 as they are trained on.
        value_range: (low, high), `data.value_range`.
        split: name of the split that they are of.
    """
    rows = np.unique(np.linspace(0, len(images) - 1, min(len(images), _LOOKED_AT)).astype(int))
    counts = sum(np.bincount(images[row].ravel(), minlength=256) for row in rows.tolist())
    below = np.cumsum(counts) / np.sum(counts)
    at_ends = float(below[0] + 1 - below[-2])
    first, last = (int(level) for level in np.searchsorted(below, (0.005, 0.995)))
    if at_ends >= _MOST_AT_ENDS:
        what = f"{at_ends:.0%} of the values become 0 or 255"
    elif last - first + 1 < _FEWEST_LEVELS:
        what = f"nearly all values become {last - first + 1} of the 256 levels ({first} to {last})"
    else:
        return None
    low, high = value_range
    return (
        f"in {counted(len(rows), 'photo', 'photos')} of {split}, {what}: "
        f"data.value_range = [{low:g}, {high:g}] does not fit their values"
    )
