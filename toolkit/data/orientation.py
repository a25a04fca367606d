"""Whether the records of an annotation file describe photos as stored, or as EXIF turns them.

One program wrote the file, so one rule holds for all its photos. The sizes of photos with a quarter
turn tell it; mirrors, half turns and squares, whose sizes tell nothing, follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.data.image_bytes import UPRIGHT, Header
from toolkit.plugin.reader import ImageRecord
from toolkit.wording import counted, some_of

Setting = Literal["auto", "apply", "ignore"]
"""`data.exif` of a recipe."""


@dataclass(frozen=True)
class Evidence:
    """What the sizes in a file's records say about the orientation of its photos.

    Attributes:
        turned: names of photos whose record has the size after the quarter turn.
        stored: names of photos whose record has the size before it.
        silent: names of photos that are to be turned somehow, and whose size does not tell.
    """

    turned: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def rule(self) -> bool | None:
        """Whether most sizes are those of turned photos; None = they do not tell."""
        if len(self.turned) == len(self.stored):
            return None
        return len(self.turned) > len(self.stored)


def evidence_of(records: Sequence[ImageRecord], headers: Sequence[Header | None]) -> Evidence:
    """Return what the sizes say; None is the header of a photo that cannot be read."""
    turned: list[str] = []
    stored: list[str] = []
    silent: list[str] = []
    for record, header in zip(records, headers, strict=True):
        if header is None or header.orientation == UPRIGHT:
            continue
        told = _turned_by_size(record, header)
        (silent if told is None else turned if told else stored).append(record.file_name)
    return Evidence(tuple(turned), tuple(stored), tuple(silent))


def _turned_by_size(record: ImageRecord, header: Header) -> bool | None:
    """Return whether the size of a record is that of the turned photo; None = it does not tell."""
    size = record.width, record.height
    as_stored, as_turned = header.size(oriented=False), header.size(oriented=True)
    if as_stored == as_turned or size not in (as_stored, as_turned):
        return None
    return size == as_turned


def oriented_flags(
    records: Sequence[ImageRecord],
    headers: Sequence[Header | None],
    setting: Setting,
    rule: bool | None,
) -> tuple[bool, ...]:
    """Return for each photo whether its EXIF orientation is applied; True where it has none.

    Args:
        records: the images of a file.
        headers: of their photos, None where one cannot be read.
        setting: `data.exif`.
        rule: what the sizes say, None = nothing: then it is applied.
    """
    if setting != "auto":
        rule = setting == "apply"
    flags = []
    for record, header in zip(records, headers, strict=True):
        told = None if header is None or setting != "auto" else _turned_by_size(record, header)
        plain = header is None or header.orientation == UPRIGHT
        flags.append(plain or (told if told is not None else rule is not False))
    return tuple(flags)


def orientation_warning(
    file: Path, evidence: Evidence, setting: Setting, elsewhere: bool | None
) -> str:
    """Return what a user should know of a file's orientation, empty = nothing.

    Args:
        file: the annotation file.
        evidence: what its sizes say.
        setting: `data.exif`.
        elsewhere: what the sizes of the contest's files say; None = nothing.
    """
    if setting != "auto":
        return ""
    if evidence.turned and evidence.stored:
        return (
            f"{file}: by their sizes {counted(len(evidence.turned), 'photo was', 'photos were')} "
            f"annotated as EXIF turns them ({some_of(evidence.turned, 2)}) and "
            f"{len(evidence.stored)} as they are stored ({some_of(evidence.stored, 2)}); each is "
            "read by its size"
            + (
                f", {counted(len(evidence.silent), 'other one', 'others')} as most"
                if evidence.silent
                else ""
            )
        )
    if evidence.silent and evidence.rule is None and elsewhere is None:
        return (
            f"{file}: {counted(len(evidence.silent), 'photo is', 'photos are')} to be turned or "
            f"mirrored by their EXIF data ({some_of(evidence.silent, 2)}) and no size tells "
            "whether they were annotated so; it is done: "
            'set data.exif = "apply" if that is right, "ignore" if they were annotated as stored'
        )
    if evidence.rule is not None and elsewhere is not None and evidence.rule != elsewhere:
        ways = ("as they are stored", "as EXIF turns them")
        return (
            f"{file}: its photos were annotated {ways[evidence.rule]}, those of another file of "
            f"the contest {ways[elsewhere]}; each is read by its own"
        )
    return ""
