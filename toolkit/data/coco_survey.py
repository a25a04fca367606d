"""COCO files in a folder of somebody's data: which is which split, where the images are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from posixpath import normpath
from statistics import median

from toolkit.data.coco import read_coco
from toolkit.data.labels import make_label_map, unused_groups
from toolkit.data.photo_names import PhotoFolder
from toolkit.data.split_words import SPLITS, TEST, TRUTH, VAL, WHOLE, says
from toolkit.data.survey import Survey, find_sample, relative_path
from toolkit.errors import UsageError
from toolkit.files import read_json
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.reader import AnnotationSet, ImageRecord


class DamagedFile(UsageError):
    """A file that may have been a COCO file."""


def coco_survey(folder: Path) -> Survey | None:
    """Look for COCO files below a folder, at most two folders deep, and for their images.

    Their names (train, val, test, truth) and whether they have annotations tell them apart.

    Returns:
        None where no COCO file has annotations.

    Raises:
        DamagedFile: nothing but files that may be COCO files, and are damaged; says where.
        UsageError: the images are not there, or a file that is called as a split is damaged.
    """
    files, broken = _coco_files(folder)
    labelled = {file: coco for file, coco in files.items() if _n_annotations(coco)}
    if not labelled:
        if broken:
            raise DamagedFile(broken[0].message, broken[0].hint)
        return None
    train = _pick(labelled, ("train",), WHOLE) or _largest(labelled)
    others = {file: coco for file, coco in files.items() if file != train}
    val = _pick({f: c for f, c in others.items() if f in labelled}, VAL, TRUTH)
    truth = _pick({f: c for f, c in others.items() if f in labelled}, TRUTH, ())
    test = _pick({f: c for f, c in others.items() if f not in (val, truth)}, TEST, TRUTH)
    if test is not None and truth is not None and not _same_images(files[test], files[truth]):
        truth = None
    used = [file for file in (train, val, test) if file is not None]
    root, photos = _places(folder, {file: files[file] for file in used})
    groups = unused_groups(files[train].categories, files[train].used_categories)
    categories = [each for each in files[train].categories if each not in groups]
    sample = find_sample(folder)
    images = files[train].images
    return Survey(
        root=root,
        train=relative_path(train, root),
        val=None if val is None else relative_path(val, root),
        test=None if test is None else relative_path(test, root),
        truth=None if truth is None else relative_path(truth, root),
        sample=None if sample.path is None else relative_path(sample.path, root),
        columns=sample.columns,
        sample_ids=sample.ids,
        test_names=() if test is None else tuple(each.file_name for each in files[test].images),
        classes=make_label_map(categories, None, "").class_names[1:],
        image_size=(
            int(median(record.height for record in images)),
            int(median(record.width for record in images)),
        ),
        map_size=sample.map_size,
        broken=tuple(error.message for error in broken),
        format=None if photos is None else ComponentSpec(name="coco", **{"photos": photos}),
        photos=_some_photos(root, photos, train, images, folder),
        notes=tuple(
            f"category {each.name!r} is the group of others, and no class" for each in groups
        ),
    )


def _coco_files(folder: Path) -> tuple[dict[Path, AnnotationSet], list[UsageError]]:
    """Return the annotation files, and what is wrong with those that cannot be used.

    JSON of another kind is passed over.

    Raises:
        UsageError: one that is called as a split cannot be used: without it, another would silently
            take its place.
    """
    found, broken = {}, []
    for pattern in ("*.json", "*/*.json", "*/*/*.json"):
        for file in sorted(folder.glob(pattern)):
            try:
                coco = read_coco(file, labelled=False)
            except UsageError as error:
                if _is_meant_as_coco(file):
                    if says(file.stem, SPLITS):
                        raise
                    broken.append(error)
                continue
            if coco.images:
                found[file] = coco
    return found, broken


def _is_meant_as_coco(file: Path) -> bool:
    """Whether a file that is no right COCO file may be a damaged one."""
    try:
        content = read_json(file, "annotation file")
    except UsageError:
        return True  # nobody can tell
    return isinstance(content, dict) and "images" in content


_LOOKED_AT = 16
"""Photos whose values are looked at."""
_PHOTOS = ("{folder}", "{subset}", "images/{subset}", "images")
"""Where annotation tools leave photos, as the reader `coco` says it."""


def _n_annotations(coco: AnnotationSet) -> int:
    return sum(len(record.annotations) for record in coco.images)


def _pick(
    files: dict[Path, AnnotationSet], words: Sequence[str], not_: Sequence[str]
) -> Path | None:
    """Return the file with the shortest name that has one of the words and none of `not_`."""
    named = [file for file in files if says(file.stem, words) and not says(file.stem, not_)]
    if not named:  # Roboflow calls all files alike, each in a folder of its own
        names = {file: file.parent.name for file in files if not says(file.stem, SPLITS)}
        named = [file for file, name in names.items() if says(name, words) and not says(name, not_)]
    return min(named, key=lambda file: (len(file.stem), file), default=None)


def _largest(files: dict[Path, AnnotationSet]) -> Path:
    return max(files, key=lambda file: len(files[file].images))


def _same_images(first: AnnotationSet, second: AnnotationSet) -> bool:
    names = [{record.file_name for record in coco.images} for coco in (first, second)]
    return names[0] == names[1]


def _places(folder: Path, files: dict[Path, AnnotationSet]) -> tuple[Path, str | None]:
    """Return the root of all files, and where their photos are below it; None = at the root.

    Raises:
        UsageError: photos are missing, or the files say it in different ways.
    """
    inside = sorted(each for each in folder.iterdir() if each.is_dir())
    candidates = dict.fromkeys([folder, *(file.parent for file in files), *inside])
    holds = {
        file: [each for each in candidates if (each / coco.images[0].file_name).is_file()]
        for file, coco in files.items()
    }
    for each in candidates:
        if all(each in found for found in holds.values()):
            return each, None
    for photos in _PHOTOS:
        if all(
            PhotoFolder(folder / _filled(photos, file, folder)).find(coco.images[0].file_name)
            for file, coco in files.items()
        ):
            return folder, photos
    lost = next((file for file, found in holds.items() if not found), None)
    if lost is not None:
        raise UsageError(
            f"the images of {lost} are not below {folder}: there is no "
            f"{files[lost].images[0].file_name}",
            "file_name in the JSON is relative to one folder: name that one with --data.",
        )
    places = ", ".join(f"{file.name}: {found[0]}" for file, found in holds.items())
    raise UsageError(
        f"the images of the files are relative to different folders ({places})",
        "Put the folder into each file_name of the JSON files, so that one data.root serves all.",
    )


def _some_photos(
    root: Path, photos: str | None, file: Path, images: Sequence[ImageRecord], folder: Path
) -> tuple[str, ...]:
    """Return some photos of a file, relative to the root."""
    place = _filled(photos, file, folder) if photos else "."
    known = PhotoFolder(root / place)
    step = max(1, len(images) // _LOOKED_AT)
    names = [known.find(record.file_name) for record in images[::step]]
    return tuple(normpath(f"{place}/{name}") for name in names if name)


def _filled(photos: str, file: Path, folder: Path) -> str:
    own = file.parent.relative_to(folder).as_posix()
    return photos.replace("{folder}", own).replace("{subset}", file.stem.rpartition("_")[2])
