"""Pixels that the members disagree on: only these depend on how members are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.metrics.confusion import Counting, confusion
from toolkit.plugin.interfaces import Ensembler
from toolkit.postprocess.labels import argmax_labels
from toolkit.progress import Progress
from toolkit.search.held_out import HeldOut

Number = TypeVar("Number", np.uint8, np.uint32, np.float32)
Confusions = NDArray[np.int64]
"""Counts (images, …), see `Counting`; rows are targets, columns are predictions."""


class Disagreement:
    """Scores ensemblers on held-out images by their contested pixels alone.

    Where every member's most probable class is the same, it is that of every weighted mean of
    probabilities or of their logarithms, of every power, rank or vote too: such pixels are counted
    once. The others (5 to 10 in 100 among good members) are kept in files, one for each member, one
    for the truth and one for their places, so that neither images nor members fill the memory.

    For a metric that looks at boundaries, of which a contested pixel changes its neighbours', every
    map of labels is put together and counted.

    Args:
        held_out: the images.
        counting: how pixels are counted for the contest's metric.
        folder: an empty folder for the files.
        progress: told while the maps are read.

    Raises:
        UsageError: no pixel is labelled.
    """

    def __init__(
        self, held_out: HeldOut, counting: Counting, folder: Path, progress: Progress
    ) -> None:
        self._held_out = held_out
        self._counting = counting
        self._n_classes = held_out.n_classes
        self._agreed: Confusions = np.zeros(
            (held_out.n_images, self._n_classes, self._n_classes), np.int64
        )
        self._ends = np.zeros(held_out.n_images + 1, np.int64)
        self._n_contested = 0
        own = ("truth", "places", "labels", *range(held_out.n_members))
        files = [folder / f"{name}.bin" for name in own]
        with ExitStack() as stack:
            truth, places, all_labels, *members = [
                stack.enter_context(path.open("wb")) for path in files
            ]
            with progress.bar("comparing members", held_out.n_images, "images") as bar:
                for image in range(held_out.n_images):
                    contested, target, labels = self._divide(image)
                    labelled = target[contested] != held_out.ignore_index
                    self._n_contested += int(labelled.sum())
                    if counting.boundary is None:
                        truth.write(target[contested].data)
                    else:
                        places.write(contested.astype(np.uint32).data)
                        all_labels.write(labels.data)
                    self._ends[image + 1] = self._ends[image] + len(contested)
                    for member, file in enumerate(members):
                        chosen = held_out.map(member, image)[:, contested]
                        file.write(np.ascontiguousarray(chosen).data)
                    bar.advance()
        self._n_labelled = int(self._agreed.sum()) + self._n_contested
        if not self._n_labelled:
            raise UsageError("no pixel of the held-out images is labelled: nothing can be scored")
        self._targets = _mapped(files[0], np.uint8)
        self._places = _mapped(files[1], np.uint32)
        self._labels = _mapped(files[2], np.uint8)
        self._maps = [_mapped(path, np.float32) for path in files[3:]]

    @property
    def share(self) -> float:
        """Share of the labelled pixels that are contested."""
        return self._n_contested / self._n_labelled

    def score(self, ensembler: Ensembler, members: Sequence[int]) -> Confusions:
        """Return the counts of every image when these members are combined.

        The ensembler must be one that never overrules members that agree.
        """
        found = self._counting.zeros(len(self._agreed))
        for image in range(len(found)):
            begin, end = self._ends[image : image + 2]
            labels = np.empty(0, np.uint8)
            if begin < end:
                maps = (self._block(member, begin, end) for member in members)
                labels = argmax_labels(ensembler(maps)).reshape(-1)
            if self._counting.boundary is None:
                decided = confusion(self._targets[begin:end], labels, self._n_classes)
                found[image] = self._agreed[image] + decided
            else:
                found[image] = self._whole(image, labels)
        return found

    def _whole(self, image: int, decided: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Count an image of which all contested pixels have these labels."""
        mask = self._held_out.mask(image)
        labels = self._labels[image * mask.size : (image + 1) * mask.size].copy()
        labels[self._places[self._ends[image] : self._ends[image + 1]]] = decided
        return self._counting(labels.reshape(mask.shape), mask)

    def _divide(self, image: int) -> tuple[NDArray[np.intp], NDArray[np.uint8], NDArray[np.uint8]]:
        """Count the pixels that all members agree on; return where the others are.

        With it the true labels, and those of the first member, uint8 (pixels,).
        """
        held_out = self._held_out
        target = held_out.target(image)
        labels = argmax_labels(held_out.map(0, image))
        agreed = np.ones(len(target), np.bool_)
        for member in range(1, held_out.n_members):
            agreed &= argmax_labels(held_out.map(member, image)) == labels
        labelled = target != held_out.ignore_index
        counted = labelled & agreed
        self._agreed[image] = confusion(target[counted], labels[counted], self._n_classes)
        # Labels of pixels that count for nothing still tell their neighbours what is near.
        kept = labelled if self._counting.boundary is None else True
        return np.flatnonzero(kept & ~agreed), target, labels

    def _block(self, member: int, begin: int, end: int) -> NDArray[np.float32]:
        """Return a member's probabilities of some contested pixels, float32 (C, 1, pixels)."""
        flat = self._maps[member][begin * self._n_classes : end * self._n_classes]
        return flat.reshape(self._n_classes, 1, -1)


def _mapped(path: Path, number: type[Number]) -> NDArray[Number]:
    if not path.stat().st_size:
        return np.empty(0, number)
    return np.asarray(np.memmap(path, number, mode="r"))
