"""How a folder keeps photos and their masks: which are of which split, and where a mask is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath

from toolkit.data.image_groups import ImageGroup
from toolkit.data.photo_names import PhotoFolder
from toolkit.data.split_words import split_of
from toolkit.errors import UsageError
from toolkit.files import walk_folder

_LISTS = (".txt", ".lst")
_LINES = 20
"""Of a list of photos, that are tried."""


@dataclass(frozen=True)
class MaskLayout:
    """Photos with masks, as the reader `masks` names them.

    Attributes:
        splits: "train", "val" or "test" -> a folder of photos, or a list of them.
        masks: where the mask of a photo is, as in `data.format.masks`.
        photos: folder that lists, and {path}, are relative to; empty = the root.
        photo_ending: end of the photos' names that masks do not have.
        groups: the groups of masks.
        photo_groups: the groups of their photos.
        pairs: photos that have a mask.
        has_truth: whether test photos have masks; some may still have none.
    """

    splits: dict[str, str]
    masks: str
    photos: str
    photo_ending: str
    groups: tuple[ImageGroup, ...]
    photo_groups: tuple[ImageGroup, ...]
    pairs: int
    has_truth: bool


@dataclass(frozen=True)
class _Pair:
    photos: ImageGroup
    masks: ImageGroup

    @property
    def common(self) -> set[str]:
        return set(self.photos.stems) & set(self.masks.stems)


def mask_layout(folder: Path, groups: Sequence[ImageGroup]) -> MaskLayout | None:
    """Return how photos and masks lie below a folder; None where no photo has a mask.

    Args:
        folder: what was looked at.
        groups: from `image_groups`.

    Raises:
        UsageError: a mask may be of several photos.
    """
    pairs = _pairs(groups, _most_photos) or _pairs(groups, _most_masks)
    if not pairs:
        return None
    # Another ending, or another way to the masks, is another set: the one with most photos counts.
    of_way: dict[tuple[str, str, str], list[_Pair]] = {}
    for pair in pairs:
        for way in _ways(pair):
            of_way.setdefault(way, []).append(pair)
    files = _list_files(folder)
    lists_of = {photos: _lists(folder, files, photos) for photos, _, _ in of_way}
    way = max(
        of_way,
        key=lambda each: (sum(len(p.common) for p in of_way[each]), bool(lists_of[each[0]])),
    )
    used, (photos, masks, ending) = of_way[way], way
    _refuse_shared_masks(used)
    lists = lists_of[photos]
    splits = lists or _folders([pair.photos for pair in used])
    has_truth = "test" in splits
    unlabelled = [g for g in groups if not g.is_masks and all(g is not p.photos for p in pairs)]
    if "test" not in splits:
        test = [group for group in unlabelled if split_of(group.folder) == "test"] or unlabelled
        if len({group.folder for group in test}) == 1:
            splits["test"] = test[0].folder
    return MaskLayout(
        splits=splits,
        masks=masks,
        photos=photos,
        photo_ending=ending,
        groups=tuple(pair.masks for pair in used),
        photo_groups=tuple(pair.photos for pair in used),
        pairs=sum(len(pair.common) for pair in used),
        has_truth=has_truth,
    )


def _refuse_shared_masks(pairs: Sequence[_Pair]) -> None:
    """Refuse masks that photos of several folders would have."""
    owners: dict[str, str] = {}
    for pair in pairs:
        for stem in pair.common:
            mask, photo = pair.masks.path(stem), pair.photos.path(stem)
            if mask in owners:
                raise UsageError(
                    f"{owners[mask]} and {photo} may both be the photo of {mask}",
                    "Say it by hand: data.format.masks, with {folder}, {path} or {stem} "
                    "(docs/data.md).",
                )
            owners[mask] = photo


def _most_photos(pair: _Pair) -> bool:
    return 2 * len(pair.common) >= len(pair.photos.stems)


def _most_masks(pair: _Pair) -> bool:
    """Whether most masks have a photo: many photos have none where a list says which are used."""
    return 2 * len(pair.common) >= len(pair.masks.stems)


def _pairs(groups: Sequence[ImageGroup], is_pair: Callable[[_Pair], bool]) -> list[_Pair]:
    photos = [group for group in groups if not group.is_masks]
    return [pair for group in photos if (pair := _partner(group, groups, is_pair))]


def _partner(
    photos: ImageGroup, groups: Sequence[ImageGroup], is_pair: Callable[[_Pair], bool]
) -> _Pair | None:
    """Return the masks that photos of a group have; of several the nearest, values first.

    Masks of another split are not theirs, though photos of all splits may be called alike.
    """
    split = split_of(photos.folder)
    pairs = [
        _Pair(photos, group)
        for group in groups
        if group.is_masks and split_of(group.folder) in (split, None)
    ]
    pairs = [pair for pair in pairs if pair.common and is_pair(pair)]

    def worth(pair: _Pair) -> tuple[int, int, bool, bool]:
        ours, theirs = photos.folder.split("/"), pair.masks.folder.split("/")
        shared = _n_equal(ours, theirs) + _n_equal(ours[::-1], theirs[::-1])
        instances = "instance" in pair.masks.ending.casefold()
        return len(pair.common), shared, not instances, not pair.masks.in_colours

    return max(pairs, key=worth, default=None)


def _n_equal(first: Sequence[str], second: Sequence[str]) -> int:
    """Return how many parts are equal from the beginning on."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda both: both[0] == both[1], pairs))


def _ways(pair: _Pair) -> Iterator[tuple[str, str, str]]:
    """Yield (photos, masks, photo_ending) of the ways to say where the masks of a group are."""
    photos, masks = pair.photos.folder, pair.masks.folder
    ending, end = pair.photos.ending, f"{pair.masks.ending}{pair.masks.suffix}"
    first, second = photos.split("/"), masks.split("/")
    while first and second and first[-1] == second[-1] and len(first) + len(second) > 2:
        first, second = first[:-1], second[:-1]
        if first and second:
            yield "/".join(first), f"{'/'.join(second)}/{{path}}{end}", ending
    if masks == photos:
        yield "", f"{{path}}{end}", ending
    elif masks.startswith(photos):
        yield "", f"{{folder}}{masks.removeprefix(photos)}/{{stem}}{end}", ending
    else:
        yield "", f"{{folder}}/{os.path.relpath(masks, photos)}/{{stem}}{end}", ending
    yield photos.removeprefix("."), f"{masks}/{{stem}}{end}", ending


def _folders(groups: Sequence[ImageGroup]) -> dict[str, str]:
    """Return the folder of the photos of each split; what no name says is for training."""
    found: dict[str, list[str]] = {}
    for group in groups:
        found.setdefault(split_of(group.folder) or "train", []).append(group.folder)
    if "train" not in found:  # there is nothing else to train on
        found = {"train": [folder for folders in found.values() for folder in folders]}
    return {split: os.path.commonpath(folders) for split, folders in found.items()}


def _list_files(folder: Path) -> list[Path]:
    """Return the text files that are called as a split."""
    return [
        place / name
        for place, names in walk_folder(folder)
        for name in names
        if name.lower().endswith(_LISTS) and split_of(PurePosixPath(name).stem) is not None
    ]


def _lists(folder: Path, files: Sequence[Path], photos: str) -> dict[str, str]:
    """Return the list of photos of each split, if there are any; nearest to segmentation first."""
    known = PhotoFolder(folder / photos)
    found: dict[str, list[Path]] = {}
    for path in files:
        if _names_photos(path, known):
            found.setdefault(split_of(path.stem) or "", []).append(path)
    if "train" not in found:
        return {}

    def rank(path: Path) -> tuple[bool, int, int]:
        relative = path.relative_to(folder).as_posix()
        return "seg" not in relative.casefold(), len(path.stem), len(relative)

    return {
        split: PurePosixPath(min(paths, key=rank).relative_to(folder)).as_posix()
        for split, paths in found.items()
    }


def _names_photos(path: Path, known: PhotoFolder) -> bool:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError):
        return False
    lines = [line for line in lines if line][:_LINES]
    return bool(lines) and all(known.find(line) is not None for line in lines)
