"""A guess what the values of photos are that are not RGB of 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.image_bytes import read_header, stored_values
from toolkit.data.images import read_bytes
from toolkit.errors import UsageError
from toolkit.plugin.component import N_RGB
from toolkit.wording import counted

_LOOKED_AT = 16
_OWN_CHANNELS = (".tif", ".tiff", ".npy")
"""Files whose channels are no transparency."""
_FEW_BITS = 14


def guess_values(root: Path, names: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Look at some photos.

    Args:
        root: folder of the photos.
        names: relative to it.

    Returns:
        Keys of a recipe's `[data]`, and what was guessed, for people; nothing for photos that
        need no key, or cannot be read, which the check of the recipe tells.
    """
    names = names[:: max(1, len(names) // _LOOKED_AT)]
    photos = [values for name in names if (values := _values_of(root / name)) is not None]
    channels = {photo.shape[2] for photo in photos}
    suffixes = {Path(name).suffix.lower() for name in names}
    keys: dict[str, Any] = {}
    notes = []
    looked = counted(len(photos), "photo", "photos")
    if len(channels) == 1 and suffixes <= set(_OWN_CHANNELS) and not channels & {1, N_RGB}:
        keys["channels"] = channels.pop()
        notes.append(f"{looked} looked at: {keys['channels']} channels")
    types = {photo.dtype for photo in photos}
    if types == {np.dtype(np.uint8)} or not photos:
        return keys, tuple(notes)
    low = min(float(np.nanmin(photo)) for photo in photos)
    high = max(float(np.nanmax(photo)) for photo in photos)
    if types == {np.dtype(np.uint16)}:
        bits = max(8, int(high).bit_length())
        if bits <= _FEW_BITS:
            keys["bit_depth"] = bits
            notes.append(f"values up to {int(high)}: bit_depth = {bits}")
    elif low < high:
        keys["value_range"] = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
        kinds = ", ".join(sorted(map(str, types)))
        notes.append(f"values of {low:g}…{high:g}, of type {kinds}")
    return keys, tuple(notes)


def _values_of(path: Path) -> NDArray[Any] | None:
    try:
        data = read_bytes(path)
        return stored_values(data, read_header(data, path), path)
    except UsageError:
        return None
