"""Objects of the training split on disk, to be pasted into other images.

A bank is a folder with `index.json` and `cutouts.bin`, an array store of images with an alpha
channel after those of the photos, at the size that the objects have there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from posixpath import normpath
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, TypeAdapter
from pydantic.dataclasses import dataclass

from toolkit.data.array_store import FORMAT_VERSION, ArrayStore, Layout, open_store, write_store
from toolkit.data.contest import Contest
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.file_schema import FileLayout, OtherFile, PathText, Side
from toolkit.files import digest_of, unfinished_folder, write_json_atomic
from toolkit.objects.cutting import MARGIN, FoundObject, chosen_labels, cut_pieces, find_pieces
from toolkit.plugin.component import N_RGB
from toolkit.plugin.interfaces import CutOut
from toolkit.progress import Progress
from toolkit.project import Project
from toolkit.recipe.schema import Objects
from toolkit.wording import counted, some_of

SCHEMA: Literal["trash-objects"] = "trash-objects"
SCHEMA_VERSION = 3
_PLAIN = 2
"""Version of banks of RGB photos without a value range: older readers know it."""
INDEX = "index.json"
CUTOUTS = "cutouts.bin"

_STRICT = ConfigDict(extra="forbid")
_KEY = "objects.bank"


@dataclass(frozen=True, config=_STRICT)
class SourceImage:
    """A photo that objects were cut out of.

    Attributes:
        file_name: `file_name` of its COCO image record.
        size: (height, width), pixels.
        n_bytes: size of the file.
        digest: digest of the file.
    """

    file_name: PathText
    size: tuple[Side, Side]
    n_bytes: PositiveInt
    digest: str


@dataclass(frozen=True, config=_STRICT)
class BankedObject:
    """One object of a bank.

    Attributes:
        label: its class.
        source: position of its photo among the sources.
        area: its pixels.
        size: (height, width) of the cut-out with its margin, pixels.
        corner: (row, column) of its first pixel in the photo.
    """

    label: PositiveInt
    source: Annotated[int, Field(ge=0)]
    area: PositiveInt
    size: tuple[Side, Side]
    corner: tuple[NonNegativeInt, NonNegativeInt]


@dataclass(frozen=True, config=_STRICT)
class BankIndex:
    """What a bank holds.

    Attributes:
        class_names: name of every label, in label order.
        sources: the photos.
        objects: the objects, sorted by photo; at least one.
        channels: of the photos.
        value_range: values of the photos that are 0 and 255 here, see `data.value_range`.
    """

    class_names: tuple[str, ...]
    sources: tuple[SourceImage, ...]
    objects: Annotated[tuple[BankedObject, ...], Field(min_length=1)]
    schema: Literal["trash-objects"] = SCHEMA
    version: int = SCHEMA_VERSION
    channels: Annotated[int, Field(ge=1, le=64)] = N_RGB
    value_range: tuple[float, float] | None = None

    @property
    def layout(self) -> Layout:
        """Layout of `cutouts.bin`."""
        return _layout([each.size for each in self.objects], self.channels)

    @property
    def as_json(self) -> dict[str, Any]:
        """What `index.json` holds."""
        content = asdict(self)
        if (self.channels, self.value_range) == (N_RGB, None):
            del content["channels"], content["value_range"]
            content["version"] = _PLAIN
        return content


_INDEX = FileLayout(
    "index of an object bank", TypeAdapter(BankIndex), SCHEMA_VERSION, SCHEMA, older=(_PLAIN,)
)


def _layout(sizes: Sequence[tuple[int, int]], channels: int) -> Layout:
    return Layout(sizes=tuple(sizes), channels=channels + 1, n_labels=0)


class ObjectStore:
    """An `ObjectBank` in a mapped file; what is sent to another process is the name of its folder.

    Attributes:
        folder: where it is.
        index: what it holds.

    Raises:
        UsageError: there is no bank in the folder.
        TrashError: it is damaged or of another version; the hint says what to do.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = _read_index(folder)
        cutouts = open_store(folder / CUTOUTS, self.index.layout)
        if cutouts is None:
            raise _damaged(folder, f"{CUTOUTS} is not what {INDEX} describes")
        self._cutouts: ArrayStore = cutouts

    def __reduce__(self) -> tuple[type[ObjectStore], tuple[Path]]:
        return ObjectStore, (self.folder,)

    def __len__(self) -> int:
        return len(self.index.objects)

    def __getitem__(self, position: int) -> CutOut:
        """Return an object; its arrays are read-only views of the file."""
        found = self.index.objects[position]
        source = self.index.sources[found.source]
        patch = self._cutouts[position]
        return CutOut(
            image=patch[..., :-1],
            alpha=patch[..., -1],
            label=found.label,
            file_name=source.file_name,
            source_size=source.size,
            corner=found.corner,
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of every label, in label order."""
        return self.index.class_names

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels that it has objects of, in ascending order."""
        return tuple(self._positions)

    def of(self, label: int) -> Sequence[int]:
        """Return the positions of the objects of a label."""
        return self._positions.get(label, ())

    @cached_property
    def _positions(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, list[int]] = {}
        for position, each in enumerate(self.index.objects):
            found.setdefault(each.label, []).append(position)
        return {label: tuple(found[label]) for label in sorted(found)}


def open_object_bank(
    objects: Objects,
    contest: Contest,
    *,
    cache: Path,
    project: Project,
    progress: Progress,
) -> ObjectStore:
    """Return the bank that a recipe describes, cutting it out first unless it is there.

    Args:
        objects: `[objects]` of the recipe.
        contest: objects are cut out of its training split; none may come from another one.
        cache: folder of caches.
        project: `objects.bank` is relative to it.
        progress: told what happens.

    Raises:
        UsageError: a class is unknown or there is nothing to cut out; `objects.bank` is no bank,
            has other classes, is of photos that are read otherwise, or holds objects of images of
            the other splits.
        TrashError: the bank is damaged.
    """
    train = contest.train
    if objects.bank is None:
        folder = cache / "objects" / _key(objects, train)
        return make_object_bank(folder, objects, train, progress)
    try:
        bank = ObjectStore(project.path(objects.bank))
    except UsageError as error:
        raise UsageError(error.message, error.hint, parameter=_KEY) from None
    _require_classes(bank, train)
    _require_reading(bank, train)
    for split in (contest.val, contest.test):
        if split:
            _refuse_images(bank, split)
    return bank


def _key(objects: Objects, train: Split) -> str:
    chosen = {
        "labels": chosen_labels(objects, train),
        "by": objects.by,
        "min_area": objects.min_area,
        "margin": MARGIN,
        "class_names": train.labels.class_names,
        "label_of": sorted(train.labels.label_of.items()),
        "overlap": train.overlap,
        "photos": train.pictures,
        "versions": [_PLAIN, FORMAT_VERSION],
    }
    return digest_of("objects", train.digest, json.dumps(chosen))


def make_object_bank(
    folder: Path, objects: Objects, train: Split, progress: Progress
) -> ObjectStore:
    """Return the bank in `folder`, cut out of a training split first unless it is there.

    Raises:
        UsageError: a class is unknown, or there is nothing to cut out.
    """

    def say_waiting() -> None:
        progress.say("another process is cutting out these objects: waiting for it")

    with unfinished_folder(folder, say_waiting) as partial:
        if partial is not None:
            pieces = _large_pieces(objects, train, progress)
            layout = _layout([piece.size for piece in pieces], train.channels)
            sources: dict[int, SourceImage] = {}
            write_store(partial / CUTOUTS, layout, _patches(train, pieces, sources, progress))
            train.refuse_changed_photos()
            places = {row: place for place, row in enumerate(sources)}
            index = BankIndex(
                class_names=train.labels.class_names,
                sources=tuple(sources.values()),
                objects=tuple(
                    BankedObject(
                        piece.label, places[piece.row], piece.area, piece.size, piece.box[:2]
                    )
                    for piece in pieces
                ),
                channels=train.channels,
                value_range=train.images[0].value_range,
            )
            write_json_atomic(partial / INDEX, index.as_json)
    return ObjectStore(folder)


def _large_pieces(objects: Objects, train: Split, progress: Progress) -> list[FoundObject]:
    labels = chosen_labels(objects, train)
    found = find_pieces(train, labels, objects.by, progress)
    large = [piece for piece in found if piece.area >= objects.min_area]
    names = train.labels.class_names
    missing = [names[each] for each in labels if each not in {piece.label for piece in large}]
    if not large:
        most = max((piece.area for piece in found), default=0)
        raise UsageError(
            f"{train.file} has no object of {objects.min_area} pixels or more to cut out, of "
            f"{', '.join(missing)}",
            (f"The largest has {most}: lower objects.min_area, or name" if most else "Name")
            + f" other classes in objects.classes ({', '.join(names[1:])}).",
            parameter="objects",
        )
    if missing:
        progress.say(
            f"objects: there are none of {', '.join(missing)} "
            f"(of {objects.min_area} pixels or more); the bank has no objects of these classes"
        )
    return large


def _patches(
    train: Split, pieces: Sequence[FoundObject], sources: dict[int, SourceImage], progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    """Yield what is cut out, and note in `sources` which photos it comes from."""
    for cut in cut_pieces(train, pieces, progress):
        record = train.images[cut.row]
        size = record.height, record.width
        sources[cut.row] = SourceImage(record.file_name, size, cut.n_bytes, cut.digest)
        yield from cut.patches


def _read_index(folder: Path) -> BankIndex:
    if not folder.is_dir():
        raise UsageError(
            f"there is no object bank at {folder}",
            f"Make one: trash data objects cut RECIPE -o {folder}",
        )
    if not (folder / INDEX).is_file():
        raise UsageError(f"{folder} is not an object bank: it has no {INDEX}")
    try:
        index = _INDEX.read(folder / INDEX)
    except OtherFile:
        raise UsageError(
            f"{folder} is not an object bank: {INDEX} describes something else"
        ) from None
    except UsageError as error:
        raise _damaged(folder, error.message.replace(str(folder / INDEX), INDEX)) from None
    if any(
        each.source >= len(index.sources) or each.label >= len(index.class_names)
        for each in index.objects
    ):
        raise _damaged(folder, f"{INDEX}: an object's class or photo is not there")
    return index


def _damaged(folder: Path, what: str) -> TrashError:
    return TrashError(
        f"the object bank {folder} cannot be used: {what}",
        f"Delete that folder and make it again: rm -r {folder}",
    )


def _require_classes(bank: ObjectStore, train: Split) -> None:
    if bank.class_names != train.labels.class_names:
        raise UsageError(
            f"the object bank {bank.folder} has other classes than the contest\n"
            f"bank: {', '.join(bank.class_names)}\n"
            f"contest: {', '.join(train.labels.class_names)}",
            "A bank needs the classes of the contest, in the same order.",
            parameter=_KEY,
        )


def _require_reading(bank: ObjectStore, train: Split) -> None:
    """Refuse objects whose pixels mean something else than those of the photos."""
    index, value_range = bank.index, train.images[0].value_range
    if (index.channels, index.value_range) != (train.channels, value_range):
        raise UsageError(
            f"the object bank {bank.folder} is of other photos: it has "
            f"{_reading(index.channels, index.value_range)}, those of {train.name} have "
            f"{_reading(train.channels, value_range)}",
            "Cut it out again: trash data objects cut RECIPE -o FOLDER",
            parameter=_KEY,
        )


def _reading(channels: int, value_range: tuple[float, float] | None) -> str:
    known = "no value range" if value_range is None else f"the value range {list(value_range)}"
    return f"{counted(channels, 'channel', 'channels')} and {known}"


def _refuse_images(bank: ObjectStore, split: Split) -> None:
    """Refuse objects of a split's images, whatever the files are called."""
    names = dict(zip(split.contents, split.file_names, strict=True))
    found = [
        source.file_name
        if normpath(source.file_name) == normpath(names[source.digest])
        else f"{source.file_name} (the same file as {names[source.digest]})"
        for source in bank.index.sources
        if source.digest in names
    ]
    if found:
        raise UsageError(
            f"the object bank {bank.folder} holds objects of "
            f"{counted(len(found), f'{split.name} image', f'{split.name} images')}: "
            f"{some_of(found)}",
            "A score on images whose objects were trained on means nothing: cut the bank out of "
            "training images alone, `trash data objects cut RECIPE -o FOLDER`.",
            parameter=_KEY,
        )
