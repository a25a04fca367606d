"""Stores of several members become one map per image, never more than one image in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError, UsageError
from toolkit.plugin.interfaces import Ensembler
from toolkit.wording import counted, name_differences


class MemberMaps(Protocol):
    """The interface of a probability store that combining needs."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of every label, in label order."""
        ...

    @property
    def file_names(self) -> tuple[str, ...]:
        """The images, in order."""
        ...

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Native (height, width) of every image."""
        ...

    def read(self, position: int) -> NDArray[np.float32]:
        """Return the map of an image: float32 (C, H, W)."""
        ...


def combine_stores(
    stores: Sequence[MemberMaps],
    ensembler: Ensembler,
    order: Sequence[int] | None = None,
    on_map: Callable[[int, int, NDArray[np.float32]], None] | None = None,
) -> Iterator[NDArray[np.float32]]:
    """Return an iterator over the combined maps, float32 (C, H, W) each.

    Args:
        stores: one per member, of the same images and classes.
        ensembler: combines the maps of one image.
        order: positions of the images in the order wanted; default: that of the stores.
        on_map: sees every member's map on its way: (member, position, map); must not change it.

    Raises:
        UsageError: the stores differ in class names or their order, file names or sizes; the
            message lists the differences. Raised before anything is read.
        TrashError: while iterating: the ensembler returned something else than such a map.
    """
    check_agreement(stores)
    positions = range(len(stores[0].file_names)) if order is None else order

    def maps(position: int) -> Iterator[NDArray[np.float32]]:
        for member, store in enumerate(stores):
            probabilities = store.read(position)
            if on_map is not None:
                on_map(member, position, probabilities)
            yield probabilities

    def combined(position: int) -> NDArray[np.float32]:
        coming = maps(position)
        found = ensembler(coming)
        if on_map is not None:
            # An ensembler may leave out members; they are looked at all the same.
            for _ in coming:
                pass
        shape = (len(stores[0].class_names), *stores[0].sizes[position])
        if np.shape(found) != shape or not np.isfinite(np.sum(found)):
            raise TrashError(
                f"the ensembler returned an array of shape {np.shape(found)} for a map of {shape}, "
                "or values that are not finite",
                "Check it: trash plugin check NAME",
            )
        return found

    return (combined(position) for position in positions)


def probe_ensembler(ensembler: Ensembler, n_classes: int, n_members: int) -> Ensembler:
    """Build an ensembler and try it on uniform maps: wrong weights fail before the prediction.

    Raises:
        UsageError: it cannot combine so many members.
    """
    even = np.full((n_classes, 1, 1), 1 / n_classes, np.float32)
    ensembler(even.copy() for _ in range(n_members))
    return ensembler


def check_agreement(stores: Sequence[MemberMaps]) -> None:
    """Refuse stores that cannot be combined.

    Raises:
        UsageError: as `combine_stores`.
    """
    if not stores:
        raise UsageError("there is no member to combine")
    first = stores[0]
    lines = []
    for number, store in enumerate(stores[1:], 2):
        named = {
            "classes": (first.class_names, store.class_names),
            "images": (first.file_names, store.file_names),
        }
        found = [
            f"{what}: it {difference}"
            for what, (ours, theirs) in named.items()
            for difference in name_differences(ours, theirs)
        ]
        found = found or _other_sizes(first, store)
        lines += [f"member {number} does not fit member 1, {line}" for line in found]
    if lines:
        raise UsageError("\n".join(lines), "Members must predict the same images and classes.")


def _other_sizes(first: MemberMaps, store: MemberMaps) -> list[str]:
    pairs = zip(first.file_names, first.sizes, store.sizes, strict=True)
    found = [(name, ours, theirs) for name, ours, theirs in pairs if ours != theirs]
    if not found:
        return []
    name, ours, theirs = found[0]
    return [
        f"sizes: {counted(len(found), 'image differs', 'images differ')}, "
        f"{name} is {theirs} instead of {ours}"
    ]
