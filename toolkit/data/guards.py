"""Checks within and between the files of a contest; each raises a UsageError."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING

from toolkit.data.near_duplicates import known_hashes
from toolkit.data.near_files import near_file
from toolkit.data.perceptual_hash import near_photos
from toolkit.errors import UsageError
from toolkit.files import is_file
from toolkit.plugin.reader import AnnotationSet
from toolkit.wording import counted, some_of

if TYPE_CHECKING:
    from toolkit.data.split import Split


def check_command(file: Path, root: Path) -> str:
    """Return the command that lists all mistakes of an annotation file with photos below `root`."""
    words = ["trash", "data", "check", str(file)]
    if root != file.parent:
        words += ["--data", str(root)]
    return f"`{shlex.join(words)}`"


def require_same_categories(coco: AnnotationSet, train: Split) -> None:
    """Require the category names of `train`, with any ids; those left out there may be missing."""
    used = coco.used_categories
    here = {
        category.name
        for category in coco.categories
        if category.name not in train.labels.left_out or category.category_id in used
    }
    there = set(train.labels.class_names[1:])
    if here == there:
        return
    lines = []
    if there - here:
        lines.append(f"only in {train.file.name}: {', '.join(sorted(there - here))}")
    if here - there:
        lines.append(f"only in {coco.path.name}: {', '.join(sorted(here - there))}")
    raise UsageError(f"{coco.path}: the categories are not those of {train.file}", "\n".join(lines))


def refuse_duplicates(split: Split) -> None:
    """Refuse two images with one id or one file_name."""
    ids = _repetitions(str(record.image_id) for record in split.images)
    if ids:
        raise UsageError(f"{split.file}: images share the id {some_of(ids)}")
    names = _repetitions(normpath(name) for name in split.file_names)
    if names:
        raise UsageError(f"{split.file}: images share the file_name {some_of(names)}")


def _repetitions(values: Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]


def refuse_large_images(split: Split, max_megapixels: float) -> None:
    """Refuse images that would fill the memory when they are decoded or their masks are painted."""
    for record in split.images:
        if record.width * record.height > max_megapixels * 1e6:
            raise UsageError(
                f"{split.file}: {record.file_name} has {record.width}x{record.height} pixels, more "
                f"than data.max_megapixels = {max_megapixels:g}",
                "If that is its real size, raise data.max_megapixels in the recipe.",
            )


def refuse_unknown_categories(split: Split) -> None:
    """Refuse annotations whose category is not in the file's list."""
    for record in split.images:
        for annotation in record.objects:
            if annotation.category_id not in split.labels.label_of:
                raise UsageError(
                    f"{split.file}: annotation {annotation.annotation_id} of {record.file_name} "
                    f"has category_id {annotation.category_id}, which is not in its categories",
                    f"{check_command(split.file, split.root)} lists all of them.",
                )


def require_same_images(test: Split, truth: Split) -> None:
    """Require that the truth has the images of the test split."""
    differing = sorted(set(test.file_names) ^ set(truth.file_names))
    if differing:
        raise UsageError(
            f"{truth.file}: its images are not those of {test.file}",
            f"Differing: {some_of(differing)}",
        )


def refuse_shared_images(splits: Sequence[Split]) -> None:
    """Refuse an image that is in two splits."""
    seen: dict[str, Split] = {}
    shared: dict[tuple[str, str], list[str]] = {}
    for split in splits:
        for name in map(normpath, split.file_names):
            if name in seen:
                shared.setdefault((seen[name].name, split.name), []).append(name)
            seen.setdefault(name, split)
    for (first, second), names in shared.items():
        raise UsageError(
            f"{counted(len(names), 'image is', 'images are')} in both {first} and {second}: "
            f"{some_of(names)}",
            "A score on images that were trained on means nothing: remove them from one file."
            if first == "train"
            else "A score on images that a checkpoint was chosen by is too high: name others.",
            parameter=f"data.{second}",
        )


def equal_photos(split: Split, other: Split) -> list[str]:
    """Return the names of the photos of `split` that `other` has too; both names if they differ."""
    names = dict(zip(other.contents, other.file_names, strict=True))
    return [
        name if normpath(name) == normpath(names[content]) else f"{name} (= {names[content]})"
        for name, content in zip(split.file_names, split.contents, strict=True)
        if content in names
    ]


def like_photos(split: Split, other: Split) -> list[str]:
    """Return the photos of `split` that look like one of `other`, as "a.jpg (like b.jpg)".

    Only photos are compared whose hashes are known, from `trash data check` for one, and none if
    they are more than a command should wait for. Equal photos are left out.
    """
    hashes = [
        *known_hashes(other.root, other.contents, other.cache),
        *known_hashes(split.root, split.contents, split.cache),
    ]
    n_known = sum(1 for each in hashes if each)
    if not n_known or n_known > _MOST_COMPARED:
        return []
    found = []
    for likeness in near_photos(hashes):
        row = likeness.row - len(other)
        nears = [near for near in likeness.earlier.tolist() if near < len(other)]
        if row >= 0 and nears and split.contents[row] not in {other.contents[n] for n in nears}:
            found.append(f"{split.file_names[row]} (like {other.file_names[nears[0]]})")
    return found


_MOST_COMPARED = 20_000
"""Photos; comparing so many takes a second."""


def refuse_equal_photos(train: Split, val: Split) -> None:
    """Refuse validation photos that are trained on, whatever the files are called."""
    copies = equal_photos(val, train)
    if copies:
        hint = "A score on images that were trained on means nothing: "
        one, several = (
            "image of {} is the same photo as one",
            "images of {} are the same photos as images",
        )
        what = counted(len(copies), one, several).format(val.name)
        raise UsageError(
            f"{what} of {train.name}, under other names: {some_of(copies)}",
            hint + "make a new split file with `trash data split`, which keeps them together."
            if val.source is not None and val.source is train.source
            else hint + "remove them from one file.",
        )


def require_files(split: Split) -> None:
    """Require that every image file is there."""
    missing = [name for row, name in enumerate(split.file_names) if not is_file(split.path(row))]
    if missing:
        nears = (
            (name, near_file(split.root, name, split.file_names)) for name in missing[:_SUGGESTED]
        )
        beside = is_file(split.file.parent / missing[0]) and split.file.suffix == ".json"
        way = 'data.format = {name = "coco", photos = "{folder}"}'
        pairs = [f"{name!r}: is it {near!r}?" for name, near in nears if near]
        raise UsageError(
            f"{split.file}: {len(missing)} of {len(split)} image files "
            f"{'is' if len(missing) == 1 else 'are'} not under {split.root}: {some_of(missing)}",
            f"They are beside the annotation file: {way}"
            if beside
            else "\n".join(["Is data.root right?", *pairs]),
        )


_SUGGESTED = 3
"""Missing files for which a near one is looked for."""
