"""Pixels that the members disagree on: only these depend on how members are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.metrics.confusion import confusion
from toolkit.plugin.interfaces import Ensembler
from toolkit.postprocess.labels import argmax_labels
from toolkit.progress import Progress
from toolkit.search.held_out import HeldOut

Number = TypeVar("Number", np.uint8, np.float32)
Confusions = NDArray[np.int64]
"""Counts (images, C, C); rows are targets, columns are predictions."""


class Disagreement:
    """Scores ensemblers on held-out images by their contested pixels alone.

    Where every member's most probable class is the same, it is that of every weighted mean of
    probabilities or of their logarithms, of every power, rank or vote too: such pixels are counted
    once. The others (5 to 10 in 100 among good members) are kept in files, one for each member and
    one for the truth, so that neither images nor members fill the memory.

    Args:
        held_out: the images.
        folder: an empty folder for the files.
        progress: told while the maps are read.

    Raises:
        UsageError: no pixel is labelled.
    """

    def __init__(self, held_out: HeldOut, folder: Path, progress: Progress) -> None:
        self._n_classes = held_out.n_classes
        self._n_members = held_out.n_members
        self._agreed: Confusions = np.zeros(
            (held_out.n_images, self._n_classes, self._n_classes), np.int64
        )
        self._ends = np.zeros(held_out.n_images + 1, np.int64)
        files = [folder / f"{name}.bin" for name in ("truth", *range(self._n_members))]
        with ExitStack() as stack:
            truth, *members = [stack.enter_context(path.open("wb")) for path in files]
            with progress.bar("comparing members", held_out.n_images, "images") as bar:
                for image in range(held_out.n_images):
                    contested, target = self._divide(held_out, image)
                    truth.write(target[contested].data)
                    self._ends[image + 1] = self._ends[image] + len(contested)
                    for member, file in enumerate(members):
                        chosen = held_out.map(member, image)[:, contested]
                        file.write(np.ascontiguousarray(chosen).data)
                    bar.advance()
        self._n_labelled = int(self._agreed.sum() + self._ends[-1])
        if not self._n_labelled:
            raise UsageError("no pixel of the held-out images is labelled: nothing can be scored")
        self._targets = _mapped(files[0], np.uint8)
        self._maps = [_mapped(path, np.float32) for path in files[1:]]

    @property
    def share(self) -> float:
        """Share of the labelled pixels that are contested."""
        return len(self._targets) / self._n_labelled

    def score(self, ensembler: Ensembler, members: Sequence[int]) -> Confusions:
        """Return the confusion of every image when these members are combined.

        The ensembler must be one that never overrules members that agree.
        """
        found = self._agreed.copy()
        for image in range(len(found)):
            begin, end = self._ends[image : image + 2]
            if begin == end:
                continue
            maps = (self._block(member, begin, end) for member in members)
            labels = argmax_labels(ensembler(maps)).reshape(-1)
            found[image] += confusion(self._targets[begin:end], labels, self._n_classes)
        return found

    def _divide(self, held_out: HeldOut, image: int) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
        """Count the pixels that all members agree on; return the positions of the others."""
        target = held_out.target(image)
        labelled = target != held_out.ignore_index
        labels = argmax_labels(held_out.map(0, image))
        agreed = labelled.copy()
        for member in range(1, self._n_members):
            agreed &= argmax_labels(held_out.map(member, image)) == labels
        self._agreed[image] = confusion(target[agreed], labels[agreed], self._n_classes)
        return np.flatnonzero(labelled & ~agreed), target

    def _block(self, member: int, begin: int, end: int) -> NDArray[np.float32]:
        """Return a member's probabilities of some contested pixels, float32 (C, 1, pixels)."""
        flat = self._maps[member][begin * self._n_classes : end * self._n_classes]
        return flat.reshape(self._n_classes, 1, -1)


def _mapped(path: Path, number: type[Number]) -> NDArray[Number]:
    if not path.stat().st_size:
        return np.empty(0, number)
    return np.asarray(np.memmap(path, number, mode="r"))
