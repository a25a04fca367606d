"""Figures of an object bank."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from toolkit.objects.object_bank import ObjectStore


@dataclass(frozen=True)
class ObjectsOfClass:
    """The objects of one class; areas in pixels of the photos."""

    objects: int
    images: int
    smallest: int
    median: int
    largest: int


@dataclass(frozen=True)
class BankSummary:
    """What is in a bank.

    Attributes:
        folder: where it is.
        bytes: size of its files.
        objects: number of all objects.
        images: photos that they were cut out of.
        classes: name of a class -> its objects; classes without any are left out.
    """

    folder: Path
    bytes: int
    objects: int
    images: int
    classes: dict[str, ObjectsOfClass]

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return asdict(self)


def summarize_bank(bank: ObjectStore) -> BankSummary:
    """Count the objects of a bank."""
    return BankSummary(
        folder=bank.folder,
        bytes=sum(file.stat().st_size for file in bank.folder.iterdir()),
        objects=len(bank),
        images=len(bank.index.sources),
        classes={bank.class_names[label]: _of_class(bank, label) for label in bank.labels},
    )


def _of_class(bank: ObjectStore, label: int) -> ObjectsOfClass:
    objects = [bank.index.objects[position] for position in bank.of(label)]
    areas = [each.area for each in objects]
    return ObjectsOfClass(
        objects=len(objects),
        images=len({each.source for each in objects}),
        smallest=min(areas),
        median=round(median(areas)),
        largest=max(areas),
    )
