"""Finding the pseudo-label sets of a project, and the photos that a set is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from toolkit.data.labels import LabelMap
from toolkit.data.photo_rules import with_rules_of_sizes
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.files import digest_of
from toolkit.plugin.reader import ImageRecord
from toolkit.pseudo.label_set import INDEX, LabelSet, LabelSetIndex, read_label_index
from toolkit.recipe.schema import Data
from toolkit.suggestions import did_you_mean

_SHOWN = 3


@dataclass(frozen=True)
class ListedSet:
    """A set of a project.

    Attributes:
        folder: where it is; its name is the key of the set.
        created: when it was written, UTC, ISO 8601.
        index: what it holds; None when that cannot be read.
        problem: why not; empty otherwise.
    """

    COLUMNS: ClassVar = ("key", "folder", "created", "selected", "images", "teachers", "problem")
    """Names of its plain values."""

    folder: Path
    created: str
    index: LabelSetIndex | None
    problem: str = ""

    @property
    def key(self) -> str:
        """Name of its folder."""
        return self.folder.name

    def as_json(self) -> dict[str, Any]:
        """Return the set as plain values."""
        index = self.index
        values = (
            self.key,
            str(self.folder),
            self.created,
            len(index.selected) if index else None,
            len(index.images) if index else None,
            index.teachers if index else None,
            self.problem or None,
        )
        return dict(zip(self.COLUMNS, values, strict=True))


def list_label_sets(home: Path) -> list[ListedSet]:
    """Return the finished sets in a folder, the newest first; damaged ones say so."""
    return [
        _list_entry(folder) for folder in sorted(_sets_in(home), key=_time_written, reverse=True)
    ]


def _sets_in(home: Path) -> list[Path]:
    return [path.parent for path in home.glob(f"*/{INDEX}") if path.parent.suffix != ".partial"]


def _time_written(folder: Path) -> float:
    return (folder / INDEX).stat().st_mtime


def _list_entry(folder: Path) -> ListedSet:
    created = datetime.fromtimestamp(_time_written(folder), UTC).isoformat(timespec="seconds")
    try:
        return ListedSet(folder, created, read_label_index(folder))
    except TrashError as error:
        return ListedSet(folder, created, None, error.message)


def find_label_set(text: str, home: Path) -> Path:
    """Return the folder of a set.

    Args:
        text: the folder itself, or the beginning of the name of one in `home`.
        home: where a project keeps its sets.

    Raises:
        UsageError: there is none, or several begin so.
    """
    if (Path(text) / INDEX).is_file():
        return Path(text)
    keys = sorted(folder.name for folder in _sets_in(home))
    found = [key for key in keys if key.startswith(text)] if text else []
    if text in found or len(found) == 1:
        return home / (text if text in found else found[0])
    if found:
        raise UsageError(
            f"{len(found)} pseudo-label sets begin with {text}: {', '.join(found[:_SHOWN])}",
            "Write more of the name.",
        )
    if not keys:
        raise UsageError(
            f"there is no pseudo-label set {text}: {home} holds none",
            "Name the folder of a set; a run of a recipe with [pseudo] makes one.",
        )
    raise UsageError(
        f"there is no pseudo-label set {text}, neither a folder nor one of the {len(keys)} in "
        f"{home}",
        f"{did_you_mean(text, keys, limit=_SHOWN)}\nList them: trash pseudo list".strip(),
    )


def images_of(label_set: LabelSet, root: Path | None = None, cache: Path | None = None) -> Split:
    """Return the images that a set is about, without annotations.

    Args:
        label_set: the set.
        root: folder of the photos; default: where they were when the set was made.
        cache: folder of caches, where their digests are remembered.

    Raises:
        UsageError: there is no such folder.
    """
    index = label_set.index
    root = Path(index.root) if root is None else root
    if not root.is_dir():
        raise UsageError(
            f"the photos of the pseudo-label set are not in {root}: there is no such folder",
            "Name their folder with --images FOLDER.",
        )
    images = tuple(
        ImageRecord(number, image.file_name, width=image.size[1], height=image.size[0])
        for number, image in enumerate(index.images)
    )
    split = Split(
        name="unlabelled",
        file=label_set.folder / INDEX,
        root=root,
        images=images,
        labels=LabelMap(index.class_names, {}),
        overlap="max-id",
        ignore_index=index.ignore_index,
        digest=digest_of(*(image.file_name for image in index.images)),
        cache=cache,
    )
    return with_rules_of_sizes(split, Data(), index.exif_applied, index.photos)
