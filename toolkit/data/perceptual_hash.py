"""Perceptual hashes: photos that look alike have hashes of which few bits differ.

The hash of a photo is the signs of its 255 lowest frequencies: C. Zauner, "Implementation and
Benchmarking of Perceptual Image Hash Functions", thesis, Upper Austria University of Applied
Sciences, 2010, section 3.2.1, with 16 x 16 in place of 8 x 8 frequencies and zero in place of the
median. So a mirrored photo has the same bits with those of the odd horizontal frequencies inverted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.image_bytes import read_header
from toolkit.errors import UsageError

BITS = 255
"""Bits that two hashes can differ in."""

NEAR = 40
"""Bits that may differ between hashes of photos that look alike; `docs/data.md` has the table."""

_SIDE = 64
"""Pixels of the square grey picture that is transformed."""

_FREQUENCIES = 16
_IS_ODD = np.tile(np.arange(_FREQUENCIES) % 2 == 1, (_FREQUENCIES, 1))
_ODD_BITS = _FREQUENCIES * _FREQUENCIES // 2

_FAINT = 2.0
"""A plain picture has no hash: half of its frequencies are at most so strong, grey levels times 64.
Noise would decide their signs; real photos have medians of 10 and more."""

_REDUCED = {
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
}
_JPEG_START = b"\xff\xd8"
_ROWS = 16
"""Photos that are compared with all others at a time: their differences fit into a cache."""


@dataclass(frozen=True)
class Likeness:
    """A photo and those before it that look alike.

    Attributes:
        row: position of the photo.
        earlier: positions of the others, int64 (n,), n >= 1, ascending.
        bits: how many bits differ, int64 (n,).
        mirrored: whether it looks like the mirror image of the other, bool (n,).
    """

    row: int
    earlier: NDArray[np.int64]
    bits: NDArray[np.int64]
    mirrored: NDArray[np.bool_]


def perceptual_hash(data: bytes, path: Path, max_megapixels: float) -> str:
    """Return the hash of an image file, 64 hex characters; "" for a picture without detail.

    The photo is hashed as its EXIF data shows it, in grey, without regard to its proportions.

    Args:
        data: the file.
        path: for messages.
        max_megapixels: larger photos are refused before they are decoded.

    Raises:
        UsageError: it cannot be decoded or is too large.
    """
    grey = _grey(data, path, max_megapixels)
    small = cv2.resize(grey.astype(np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small)[:_FREQUENCIES, :_FREQUENCIES]
    waves[0, 0] = 0  # the brightness
    if not np.median(np.abs(waves)) > _FAINT:
        return ""
    bits = waves > 0
    return np.packbits(np.concatenate([bits[~_IS_ODD], bits[_IS_ODD]])).tobytes().hex()


def _grey(data: bytes, path: Path, max_megapixels: float) -> NDArray[np.generic]:
    header = read_header(data, path)
    if header.width * header.height > max_megapixels * 1e6:
        raise UsageError(f"{path}: {header.width}x{header.height} pixels are too many to be hashed")
    flags = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH
    if data.startswith(_JPEG_START):  # OpenCV makes others small by leaving out pixels
        scale = min(header.width, header.height) // (2 * _SIDE)
        flags = next((flag for by, flag in _REDUCED.items() if by <= scale), flags)
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        grey = None
    if grey is None:
        raise UsageError(f"{path}: not a readable image ({len(data):,} bytes)")
    return np.asarray(grey)


def near_photos(hashes: Sequence[str | None], limit: int = NEAR) -> Iterator[Likeness]:
    """Yield each photo that looks like photos before it, mirrored or not.

    Args:
        hashes: of the photos; None and "" are like nothing.
        limit: bits that may differ.

    Returns:
        In the order of the photos; none for photos that are like no earlier one.
    """
    rows = np.array([row for row, each in enumerate(hashes) if each], dtype=np.int64)
    joined = bytes.fromhex("".join(each for each in hashes if each))
    words = np.frombuffer(joined, np.uint64).reshape(len(rows), 4).T
    even, odd = np.ascontiguousarray(words[:2]), np.ascontiguousarray(words[2:])
    for start in range(0, len(rows), _ROWS):
        end = min(start + _ROWS, len(rows))
        # Half of the bits rule out nearly all pairs.
        among = _differing(even[:, start:end, None], even[:, None, :end])
        here, there = np.nonzero(among <= limit)
        is_earlier = there < here + start
        here, there = here[is_earlier], there[is_earlier]
        turned = _differing(odd[:, here + start], odd[:, there])
        bits = among[here, there] + np.minimum(turned, _ODD_BITS - turned)
        near = bits <= limit
        for place in np.unique(here[near]):
            own = near & (here == place)
            yield Likeness(
                row=int(rows[start + place]),
                earlier=rows[there[own]],
                bits=bits[own],
                mirrored=turned[own] > _ODD_BITS // 2,
            )


def _differing(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return how many bits of two words differ; the words are along the first axis."""
    low, high = (np.bitwise_count(one[word] ^ other[word]) for word in (0, 1))
    return np.asarray(low + high)
