"""How the photos of opened splits are read: decided once, before anything is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.data.guards import refuse_large_images
from toolkit.data.image_bytes import Header
from toolkit.data.images import require_fit
from toolkit.data.orientation import evidence_of, orientation_warning, oriented_flags
from toolkit.data.photo_facts import Fault, headers_of, read_headers, undecodable_photos
from toolkit.errors import UsageError
from toolkit.plugin.component import N_RGB
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import Progress
from toolkit.recipe.schema import Data
from toolkit.wording import part_of, some_of

if TYPE_CHECKING:
    from toolkit.data.split import Split

_SHOWN = 3


@dataclass(frozen=True)
class PhotoRules:
    """How the photos of one file are read.

    Attributes:
        images: the records, with all decided of how they are read.
        applied: whether EXIF orientations are applied; None = no size and no recipe says it.
        faults: photos that are broken, or of another size or number of channels than their record.
        warning: what a user should know of orientations; empty = nothing.
        unread: what a user should know of channels that are left out; empty = none are.
    """

    images: tuple[ImageRecord, ...]
    applied: bool | None
    faults: tuple[Fault, ...]
    warning: str
    unread: str


@dataclass(frozen=True)
class PhotoReading:
    """How values of photos become pixels, as files keep it beside what was made of the photos.

    Attributes:
        bit_depth: see `data.bit_depth`.
        value_range: see `data.value_range`.
        channels: see `data.channels`.
    """

    bit_depth: int | None = None
    value_range: tuple[float, float] | None = None
    channels: int | None = None


def reading_of(source: Data | Split) -> PhotoReading | None:
    """Return how photos are read by a recipe's table, or those of a split; None = by default."""
    said = source if isinstance(source, Data) else next(iter(source.images), None)
    if said is None:
        return None
    found = PhotoReading(said.bit_depth, said.value_range, said.channels)
    return None if found == PhotoReading() else found


def photo_rules(
    file: Path,
    root: Path,
    records: Sequence[ImageRecord],
    found: Sequence[Header | Fault],
    data: Data,
    others: Sequence[bool | None] = (),
) -> PhotoRules:
    """Decide how the photos of an annotation file are read.

    Args:
        file: the annotation file, for messages.
        root: folder of the photos.
        records: the images of the file.
        found: the headers of their photos.
        data: `exif`, `bit_depth`, `value_range` and `channels`.
        others: whether EXIF orientations are applied in the files of the contest, first one first;
            for a file whose sizes do not tell it.
    """
    headers = _legible(found)
    evidence = evidence_of(records, headers)
    elsewhere = next((other for other in others if other is not None), None)
    rule = elsewhere if evidence.rule is None else evidence.rule
    flags = oriented_flags(records, headers, data.exif, rule)
    images = tuple(
        replace(
            _sized(record, header, oriented),
            oriented=oriented,
            bit_depth=data.bit_depth,
            value_range=data.value_range,
            channels=data.channels,
        )
        for record, header, oriented in zip(records, headers, flags, strict=True)
    )
    return PhotoRules(
        images=images,
        applied=rule if data.exif == "auto" else data.exif == "apply",
        faults=tuple(_faults(root, images, found)),
        warning=orientation_warning(file, evidence, data.exif, elsewhere),
        # With a range of values every other number of channels is refused.
        unread=""
        if data.channels or data.value_range
        else _unread_channels(file, records, headers),
    )


def _unread_channels(
    file: Path, records: Sequence[ImageRecord], headers: Sequence[Header | None]
) -> str:
    """Say which photos have a fourth channel that is not read: in a TIFF it is rarely an alpha."""
    names = [
        record.file_name
        for record, header in zip(records, headers, strict=True)
        if header is not None
        and header.channels == N_RGB + 1
        and record.file_name.casefold().endswith((".tif", ".tiff"))
    ]
    if not names:
        return ""
    return (
        f"{file}: {part_of(len(names), len(records), ('image', 'images'), ('is', 'are'))} TIFF of "
        f"4 channels, which are read as RGB: {some_of(names, _SHOWN)}. To use all, set "
        "data.channels = 4"
    )


def _sized(record: ImageRecord, header: Header | None, oriented: bool) -> ImageRecord:
    """Give a record without a size that of its photo."""
    if record.width or header is None:
        return record
    width, height = header.size(oriented=oriented)
    return replace(record, width=width, height=height)


def _legible(found: Sequence[Header | Fault]) -> list[Header | None]:
    return [header if isinstance(header, Header) else None for header in found]


def _faults(
    root: Path, images: Sequence[ImageRecord], found: Sequence[Header | Fault]
) -> list[Fault]:
    faults = []
    for row, header in enumerate(found):
        if isinstance(header, Fault):
            faults.append(header)
            continue
        try:
            require_fit(root / images[row].file_name, images[row], header)
        except UsageError as error:
            faults.append(Fault(row, error))
    return faults


def with_photo_rules(
    splits: Sequence[Split], data: Data, progress: Progress, known: Sequence[bool | None] = ()
) -> list[Split]:
    """Return splits with records that say how their photos are read; see `photo_rules`.

    Args:
        splits: of one contest, each whole, the training split first; their photos are there.
        data: `exif`, `bit_depth`, `value_range` and `channels`.
        progress: told what is in doubt; shows a bar when many photos have to be read.
        known: whether EXIF orientations are applied in splits that were opened before.

    Raises:
        UsageError: photos are broken, or of other sizes or channels than their records.
    """
    found = [headers_of(split, progress) for split in splits]
    told = [
        evidence_of(split.images, _legible(headers)).rule
        for split, headers in zip(splits, found, strict=True)
    ]
    ready = []
    for split, headers in zip(splits, found, strict=True):
        rules = photo_rules(split.file, split.root, split.images, headers, data, [*known, *told])
        refuse_faults(split, rules.faults)
        split = split.with_images(rules.images, rules.applied)
        refuse_large_images(split, data.max_megapixels)
        for warning in filter(None, (rules.warning, rules.unread)):
            progress.say(f"warning: {warning}")
        ready.append(split)
    return ready


def with_rules_of_sizes(
    split: Split, data: Data, known: bool | None, reading: PhotoReading | None = None
) -> Split:
    """Return a split of photos that are only looked at, of which some may be missing or broken.

    Args:
        split: the images.
        data: `exif`.
        known: whether the prediction of the photos applied EXIF orientations; None = unknown.
        reading: how the prediction read them.
    """
    data = data.model_copy(update=asdict(reading or PhotoReading()))
    found = read_headers(split.root, split.file_names)
    rules = photo_rules(split.file, split.root, split.images, found, data, [known])
    return replace(split, images=rules.images, exif_applied=rules.applied)


def refuse_faults(split: Split, faults: Sequence[Fault]) -> None:
    """Refuse photos that cannot be read.

    Raises:
        UsageError: names them.
    """
    if not faults:
        return
    shown = [fault.error.message.replace(f"{split.root}/", "", 1) for fault in faults]
    raise UsageError(
        f"{split.file}: {len(faults)} of {len(split)} images cannot be used: "
        + some_of(shown, _SHOWN),
        faults[0].error.hint,
    )


def require_decodable(split: Split, progress: Progress) -> None:
    """Refuse a split with a photo that cannot be decoded; the result of each is cached.

    Raises:
        UsageError: names them.
    """
    refuse_faults(split, undecodable_photos(split, progress))
