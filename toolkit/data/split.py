"""A split: the images of one purpose (training, validation, test) with their records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from toolkit.data.content_digests import content_digests
from toolkit.data.labels import LabelMap
from toolkit.errors import UsageError
from toolkit.files import digest_of
from toolkit.plugin.component import N_RGB
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import Progress
from toolkit.wording import counted, some_of


@dataclass(frozen=True)
class Split:
    """The images of one purpose, with what is needed to read and label them.

    Attributes:
        name: "train", "val", "test", "truth" or "unlabelled".
        file: the annotation file.
        root: folder that the records' `file_name` is relative to.
        images: the records, in file order.
        labels: names of the labels and the label of every category of the file.
        overlap: which annotation wins a pixel, see `paint_mask`.
        ignore_index: label of pixels that count for nothing.
        digest: digest of the annotation file, and of the choice of images if it is a part of it.
        source: the split of all images of the file, when this one is a part of it: caches are
            made for the source and shared by all its parts.
        rows: positions of `images` in the source.
        cache: folder of caches, where digests of photos are remembered; None = nowhere.
        exif_applied: whether the orientations in EXIF data are applied; None = nothing says it.
        has_own_labels: whether `data.exclude` made its labels other ones than those of the source,
            so that its masks are painted for it alone.
    """

    name: str
    file: Path
    root: Path
    images: tuple[ImageRecord, ...]
    labels: LabelMap
    overlap: str
    ignore_index: int
    digest: str
    source: Split | None = None
    rows: tuple[int, ...] = ()
    cache: Path | None = field(default=None, compare=False)
    exif_applied: bool | None = None
    has_own_labels: bool = False

    def __len__(self) -> int:
        return len(self.images)

    def path(self, index: int) -> Path:
        """Where the image file is."""
        return self.root / self.images[index].file_name

    @property
    def file_names(self) -> tuple[str, ...]:
        """`file_name` of every image."""
        return tuple(record.file_name for record in self.images)

    @property
    def channels(self) -> int:
        """Channels of every photo as it is read."""
        return (self.images[0].channels if self.images else None) or N_RGB

    @cached_property
    def contents(self) -> tuple[str, ...]:
        """Digest of every photo's content, as it was when this was first asked for.

        Two photos are the same one if these are equal, whatever they are called.

        Raises:
            UsageError: a photo is missing or cannot be read.
        """
        if self.source is not None:
            return tuple(self.source.contents[row] for row in self.rows)
        return content_digests(self.root, self.file_names, self.cache)

    def read_contents(self, progress: Progress) -> None:
        """Find `contents` now; shows a bar when many photos have to be read.

        Raises:
            UsageError: a photo is missing or cannot be read.
        """
        if self.source is not None:
            self.source.read_contents(progress)
        elif "contents" not in self.__dict__:
            found = content_digests(self.root, self.file_names, self.cache, progress)
            self.__dict__["contents"] = found  # as a cached_property keeps it

    def refuse_changed_photos(self) -> None:
        """Refuse photos that are not what they were when `contents` was found.

        What is made from photos is kept under their digests, so this is asked before it is kept.

        Raises:
            UsageError: names them.
        """
        now = content_digests(self.root, self.file_names, self.cache)
        pairs = zip(self.file_names, self.contents, now, strict=True)
        changed = [name for name, before, after in pairs if before != after]
        if changed:
            raise UsageError(
                f"{counted(len(changed), 'image', 'images')} of {self.name} changed while they "
                f"were read: {some_of(changed)}",
                "Run it again when nothing writes into the folder any more.",
            )

    @property
    def pictures(self) -> tuple[str, ...]:
        """Digest of the pixels that each photo is read as: of its content and how it is read.

        Raises:
            UsageError: a photo is missing or cannot be read.
        """
        return tuple(
            content
            if (record.oriented, record.reading) == (True, str(None))
            else digest_of(content, str(record.oriented), record.reading)
            for content, record in zip(self.contents, self.images, strict=True)
        )

    def with_images(self, images: tuple[ImageRecord, ...], exif_applied: bool | None) -> Split:
        """Return the split with other records of the same photos."""
        split = replace(self, images=images, exif_applied=exif_applied)
        split.__dict__["contents"] = self.contents
        return split

    @property
    def labels_of_images(self) -> tuple[frozenset[int], ...]:
        """Labels that the annotations or the mask of every image show, background apart."""
        label_of = self.labels.label_of
        return tuple(
            frozenset(label_of[each] for each in record.categories if each in label_of)
            for record in self.images
        )

    def excerpt(self, rows: Sequence[int]) -> Split:
        """Return the images at these positions as a split of its own: caches hold them alone."""
        part = self.part(self.name, rows)
        alone = replace(part, source=None, rows=())
        alone.__dict__["contents"] = part.contents
        return alone

    def part(self, name: str, rows: Sequence[int]) -> Split:
        """Return the split of the images at these positions."""
        images = tuple(self.images[row] for row in rows)
        return replace(
            self,
            name=name,
            images=images,
            digest=digest_of(self.digest, *(record.file_name for record in images)),
            source=self,
            rows=tuple(rows),
        )
