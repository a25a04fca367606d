"""Inputs of a training stage, stored in the run's manifest.

The processes of `--devices` and later readers find it there, without making the plan again. A run
keeps paths (`StageInputs`); training works with what lies there (`OpenedInputs`), and knows neither
manifests nor pseudo-label sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.data.split import Split
from toolkit.predict.members import MemberRef
from toolkit.pseudo.catalogue import images_of
from toolkit.pseudo.label_set import open_label_set
from toolkit.train.inputs import OpenedInputs, PseudoImages


@dataclass(frozen=True)
class StageInputs:
    """Paths of what earlier stages made for a training; `open` reads what lies there.

    Attributes:
        labels: folder of its pseudo-label set.
        start: checkpoint that its weights begin with.
        members: what its submission is combined with.
        keys: name of each stage that it needs -> key of that stage; of each file -> its digest.
        is_part: another training needs this one; the command reports that other one.
    """

    labels: Path | None = None
    start: Path | None = None
    members: tuple[MemberRef, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    is_part: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        return {
            "labels": None if self.labels is None else str(self.labels),
            "start": None if self.start is None else str(self.start),
            "members": [[str(each.path), each.views] for each in self.members],
            "keys": dict(self.keys),
            "is_part": self.is_part,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StageInputs:
        """Return what `as_json` returned."""
        return cls(
            labels=None if values["labels"] is None else Path(values["labels"]),
            start=None if values["start"] is None else Path(values["start"]),
            members=tuple(MemberRef(Path(path), views) for path, views in values["members"]),
            keys=dict(values["keys"]),
            is_part=values["is_part"],
        )

    def open(self, root: Path, cache: Path) -> OpenedInputs:
        """Return the inputs themselves, as `fit` takes them.

        Args:
            root: folder that the names of pseudo-labelled images are relative to.
            cache: folder of caches.
        """
        pseudo = None
        if self.labels is not None:
            labels = open_label_set(self.labels)
            selected = set(labels.file_names)
            every = images_of(labels, root, cache)
            part = _part(every, selected)
            pseudo = PseudoImages(part, labels.masks, labels.maps, labels.digest)
        return OpenedInputs(pseudo, self.start, self.keys)


def _part(split: Split, names: set[str]) -> Split:
    rows = [row for row, name in enumerate(split.file_names) if name in names]
    return split.part("pseudo-labelled", rows)
