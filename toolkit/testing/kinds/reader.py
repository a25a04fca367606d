"""The contract of a reader, tried on the example that it writes, if it writes one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from posixpath import isabs
from tempfile import TemporaryDirectory

from toolkit.data.annotation_sets import read_annotations
from toolkit.data.labels import make_label_map
from toolkit.data.masks import paint_mask
from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.reader import AnnotationSet, ReadRequest, WritesExample
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.testing.contract import Rule, Subject, require
from toolkit.workspace import Workspace

_NO_FORMAT = (b"", b"\x00\xff\xfe\x00 no format \xd8", b"{", b"a,b\n1,2\n", b"one\ntwo three\n")


def _read(subject: Subject, root: Path, name: str, *, labelled: bool = True) -> AnnotationSet:
    spec = ComponentSpec(name=f"{subject.entry.source}:{subject.entry.name}", **subject.parameters)
    background, *classes = subject.context.class_names
    data = Data(format=spec, background=background, classes=tuple(classes))
    workspace = Workspace(Project(root / "project"), subject.registry, SilentProgress())
    return read_annotations(workspace, data, root / name, root, labelled=labelled)


def _is_tried(subject: Subject) -> bool:
    return isinstance(subject.component, WritesExample)


def _all_differ(values: Iterable[object], what: str) -> None:
    repeated = [str(value) for value, count in Counter(values).items() if count > 1]
    require(not repeated, f"{what} repeat: {', '.join(repeated[:3])}")


def returns_images_that_are_there(subject: Subject) -> None:
    """Returns images with different ids and names, whose photos are below the root."""
    if not _is_tried(subject):
        return
    with TemporaryDirectory() as folder:
        root = Path(folder)
        found = _read(subject, root, subject.component.write_example(root))
        require(bool(found.images), "its example has no images")
        _all_differ((record.image_id for record in found.images), "the ids of images")
        _all_differ((record.file_name for record in found.images), "the names of images")
        for record in found.images:
            require(not isabs(record.file_name), f"{record.file_name} is not relative to the root")
            there = (root / record.file_name).is_file()
            require(there, f"there is no photo {record.file_name} below the root")


def labels_pixels(subject: Subject) -> None:
    """Gives labels that can be painted, of categories that it lists, to some pixels."""
    if not _is_tried(subject):
        return
    with TemporaryDirectory() as folder:
        root = Path(folder)
        found = _read(subject, root, subject.component.write_example(root))
        _all_differ((each.category_id for each in found.categories), "the ids of categories")
        _all_differ((each.name for each in found.categories), "the names of categories")
        labels = make_label_map(found.categories, None, "label 0")
        unknown = found.used_categories - set(labels.label_of)
        require(not unknown, f"annotations of categories that it does not list: {sorted(unknown)}")
        painted = [paint_mask(each, labels, "order", 255) for each in found.images]
        require(any((mask != 0).any() for mask in painted), "no pixel of its example has a class")


def reads_the_same_again(subject: Subject) -> None:
    """Reads the same again, from another folder too, and changes no file."""
    if not _is_tried(subject):
        return
    digests = []
    for _ in range(2):
        with TemporaryDirectory() as folder:
            root = Path(folder)
            name = subject.component.write_example(root)
            before = _files(root)
            first, second = _read(subject, root, name), _read(subject, root, name)
            require(first == second, "reading it again gives something else")
            require(_files(root) == before, "it writes or removes files below the root")
            digests.append(first.digest)
    require(digests[0] == digests[1], "the digest depends on the folder that the data are in")


def _files(root: Path) -> list[tuple[str, int]]:
    return sorted(
        (str(each), each.stat().st_mtime_ns)
        for each in root.rglob("*")
        if each.is_file() and not each.is_relative_to(root / "project")
    )


def reads_without_labels(subject: Subject) -> None:
    """Reads the same images when no labels are asked for."""
    if not _is_tried(subject):
        return
    with TemporaryDirectory() as folder:
        root = Path(folder)
        name = subject.component.write_example(root)
        names = [
            [record.file_name for record in _read(subject, root, name, labelled=labelled).images]
            for labelled in (True, False)
        ]
    require(names[0] == names[1], "without labels there are other images")


def refuses_other_formats(subject: Subject) -> None:
    """Refuses files of other formats in words: a UsageError that names the file."""
    for content in _NO_FORMAT:
        with TemporaryDirectory() as folder:
            root = Path(folder)
            path = root / "other.txt"
            path.write_bytes(content)
            request = ReadRequest(path, root, True, lambda names: [(8, 8) for _ in names])
            try:
                found = subject.component(request)
            except UsageError as error:
                told = path.name in error.message or os.fspath(root) in error.message
                require(told, f"the message does not name the file: {error.message}")
                continue
            require(not found.images, f"it reads {content!r} as images")


RULES: tuple[Rule, ...] = (
    returns_images_that_are_there,
    labels_pixels,
    reads_the_same_again,
    reads_without_labels,
    refuses_other_formats,
)
