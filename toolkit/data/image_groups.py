"""The images of a folder in groups of one kind: photos, or masks, that are called alike."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from toolkit.data.photo_folder import PHOTO_ENDINGS
from toolkit.files import walk_folder

_DEEPEST = 6
_SAMPLES = 4
_MOST_COLOURS = 64
"""A photo of any size has more colours than a mask has classes."""
_CELL = 512
"""Side of the part of an image whose colours are counted, pixels."""
_NAME = re.compile(
    r"(?P<stem>.+?)(?P<ending>(_(gtfine|gtcoarse))?[_-]"
    r"(masks?|labels?|gt|seg(mentation)?|annot(ation)?|l|labelids|labeltrainids|color|colou?rs?|"
    r"instanceids|leftimg8bit|sat|image|img|rgb|photo))?",
    re.IGNORECASE,
)
_SAYS_MASK = re.compile(r"mask|label|annot|gt|seg|ground|target")
_SAYS_PHOTO = re.compile(r"image|img|photo|jpeg|rgb|sat")


@dataclass(frozen=True)
class ImageGroup:
    """Images of one folder whose names end alike.

    Attributes:
        folder: relative to the folder that was looked at, "." for itself.
        ending: end of the names before the dot, such as "_mask"; empty = none.
        suffix: ending of the files, with the dot.
        stems: names without both, sorted.
        is_masks: whether they look like masks, few colours and no JPEG, or are called so.
        in_colours: whether they are RGB.
    """

    folder: str
    ending: str
    suffix: str
    stems: tuple[str, ...]
    is_masks: bool
    in_colours: bool

    def path(self, stem: str) -> str:
        """Return an image of the group, relative to the folder that was looked at."""
        return os.path.normpath(f"{self.folder}/{stem}{self.ending}{self.suffix}")

    def spread(self, most: int) -> list[str]:
        """Return at most so many images, from all over the group."""
        places = np.unique(np.linspace(0, len(self.stems) - 1, most).round().astype(int))
        return [self.path(self.stems[place]) for place in places]


def image_groups(folder: Path) -> list[ImageGroup]:
    """Return the images below a folder, at most six folders deep; a few of each are looked at."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for place, name in _images(folder):
        stem, suffix = os.path.splitext(name)
        match = _NAME.fullmatch(stem)
        ending = (match["ending"] or "") if match else ""
        found.setdefault((place, ending, suffix), []).append(stem.removesuffix(ending))
    groups = []
    for (place, ending, suffix), stems in sorted(found.items()):
        group = ImageGroup(place, ending, suffix, tuple(sorted(stems)), False, False)
        kinds = [_kind(folder / path) for path in group.spread(_SAMPLES)]
        masks = [kind for kind in kinds if kind is not None]
        is_masks = 2 * len(masks) > len(kinds) and not _is_called_photos(f"{place}/{ending}")
        groups.append(
            ImageGroup(place, ending, suffix, group.stems, is_masks, "RGB" in masks and is_masks)
        )
    return groups


def _is_called_photos(path: str) -> bool:
    """Whether the last word that says it in a path says photos: drawn ones have few colours too."""
    return _last(_SAYS_PHOTO, path) > _last(_SAYS_MASK, path)


def is_called_masks(path: str) -> bool:
    """Whether the last word that says it in a path says masks."""
    return _last(_SAYS_MASK, path) > _last(_SAYS_PHOTO, path)


def _last(words: re.Pattern[str], path: str) -> int:
    return max((match.end() for match in words.finditer(path.casefold())), default=-1)


def _images(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield folder and name of every image."""
    for place, names in walk_folder(folder, _DEEPEST):
        for name in names:
            if name.lower().endswith(PHOTO_ENDINGS):
                yield place.relative_to(folder).as_posix(), name


def _kind(path: Path) -> str | None:
    """Return "RGB" or "values" for what looks like a mask; None for a photo and broken files."""
    try:
        with Image.open(path) as image:
            if image.format == "JPEG":
                return None
            if image.mode in ("P", "1"):
                return "values"
            corner = min(image.width, _CELL), min(image.height, _CELL)
            part = np.asarray(image.crop((0, 0, *corner)))
    except Exception:  # broken bytes make Pillow raise nearly everything; others are looked at
        return None
    if part.ndim == 2:
        return "values" if len(np.unique(part)) <= _MOST_COLOURS else None
    if part.shape[2] not in (3, 4):
        return None
    colours = np.unique(part[..., :3].reshape(-1, 3), axis=0)
    if len(colours) > _MOST_COLOURS:
        return None
    return "values" if (colours == colours[:, :1]).all() and len(colours) > 1 else "RGB"
