"""Pseudo-labels as a submission file that a team can share; it holds no confidences."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.resize import Sampling
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.formats.label_rows import sampling_of
from toolkit.plugin.interfaces import Prediction, SubmissionFormat
from toolkit.plugin.registry import Registry
from toolkit.postprocess.chain import Chain, build_chain
from toolkit.progress import Progress
from toolkit.pseudo.label_set import LabelSet, open_label_set
from toolkit.pseudo.make import context_of
from toolkit.pseudo.record import record_label_set
from toolkit.pseudo.select import build_selection
from toolkit.recipe.schema import Pseudo, Recipe
from toolkit.submission.write import write_checked
from toolkit.suggestions import did_you_mean
from toolkit.wording import counted, part_of
from toolkit.workspace import Workspace


def export_label_set(
    label_set: LabelSet, path: Path, format: SubmissionFormat, progress: Progress
) -> tuple[str, ...]:
    """Write the selected images of a set as a submission file.

    The format has labels alone: a pixel that is not trusted gets its most probable label.
    Background in its place would teach that doubt is background. Rejected images have no row. A
    submission of the same name that has leaderboard scores is kept under another one.

    Args:
        label_set: the set.
        path: the file to write.
        format: how, for the classes of the set.
        progress: told while writing.

    Returns:
        What is lost, for people.

    Raises:
        TrashError: the format wrote a file that it does not read back; it is not kept.
    """
    rows = [row for row, image in enumerate(label_set.index.images) if image.is_selected]
    labels = (label_set.predicted[row] for row in rows)
    n_classes = len(label_set.class_names)
    write_checked(path, format, labels, label_set.file_names, n_classes, progress)
    return _losses(label_set, format)


def _losses(label_set: LabelSet, format: SubmissionFormat) -> tuple[str, ...]:
    index = label_set.index
    n_pixels = sum(height * width for height, width in label_set.sizes)
    doubtful = 1 - sum(index.trusted) / n_pixels
    lost = ["the file holds no confidences" + (" and no soft labels" if index.soft else "")]
    if doubtful:
        lost.append(
            f"{doubtful:.1%} of the pixels are not trusted; in the file they have their most "
            "probable label like all others"
        )
    if index.rejected:
        lost.append(
            counted(len(index.rejected), "rejected image has", "rejected images have") + " no row"
        )
    others = sum(size != format.size for size in label_set.sizes)
    if others:
        height, width = format.size
        lost.append(
            f"the labels of {counted(others, 'image', 'images')} are resized to {height} × {width}"
        )
    return tuple(lost)


def make_label_set_from_file(
    workspace: Workspace,
    path: Path,
    unlabelled: Split,
    pseudo: Pseudo,
    recipe: Recipe,
    *,
    folder: Path,
    cache: Path,
    origin: Mapping[str, Any],
) -> LabelSet:
    """Make a set from a submission file, which may hold a part of the images only.

    Labels get the images' native sizes, each at the place that it was taken from. Postprocessing
    and selection are those of predictions, with probability 1 for the label of a pixel.

    Args:
        workspace: the project, its components, and who is told what happens.
        path: the file, in the recipe's submission format.
        unlabelled: the images.
        pseudo: how to postprocess and select.
        recipe: says the format.
        folder: where the set is to be; if it is there it is opened and nothing is done.
        cache: folder of caches; labels are kept there while the set is made.
        origin: plain values that say what the set is made from, kept in its index.

    Raises:
        UsageError: the file is not in that format, names other images or one twice; with its row.
        TrashError: nothing was selected.
    """
    registry = workspace.registry
    if folder.exists():
        return open_label_set(folder)
    context = context_of(unlabelled, recipe)
    format: SubmissionFormat = registry.build("submission_format", recipe.submission, context)
    selection = build_selection(pseudo.select, registry, context)
    selection.expect(unlabelled.file_names)
    postprocess = build_chain(pseudo.postprocess, registry, context)
    cache.mkdir(parents=True, exist_ok=True)
    # A file without a name: the system removes it with the process, however that ends.
    with tempfile.TemporaryFile(dir=cache) as scratch:
        row_of: dict[str, int] = {}
        with workspace.progress.bar(f"reading {path.name}", len(unlabelled), "images") as bar:
            for name, labels in _rows(path, format, unlabelled):
                row_of[name] = len(row_of)
                scratch.write(np.ascontiguousarray(labels).data)
                bar.advance()
        if not row_of:
            raise UsageError(f"{path} has no row of an image")
        scratch.flush()
        shape = (len(row_of), *format.size)
        rows: NDArray[np.uint8] = np.asarray(np.memmap(scratch, np.uint8, mode="r", shape=shape))
        warnings = _doubts(path, format, len(row_of), len(unlabelled))
        for warning in warnings:
            workspace.progress.say(f"warning: {warning}")
        return record_label_set(
            folder,
            _FilePredictions(rows, sampling_of(format), row_of, unlabelled, postprocess),
            unlabelled,
            selection,
            soft=pseudo.soft,
            origin=origin,
            warnings=warnings,
            progress=workspace.progress,
        )


def require_readable(path: Path, unlabelled: Split, recipe: Recipe, registry: Registry) -> None:
    """Refuse a file of labels that is not in the recipe's format, by its first row.

    Raises:
        UsageError: the file is in another format or size, or begins with another image.
    """
    context = context_of(unlabelled, recipe)
    format: SubmissionFormat = registry.build("submission_format", recipe.submission, context)
    try:
        next(_rows(path, format, unlabelled), None)
    except UsageError as error:
        height, width = format.size
        raise UsageError(
            f"pseudo.labels is read as this recipe's submission, {recipe.submission.name} of "
            f"{height} × {width}: {error.message}",
            "If it has another format or size, set them under [submission], or write it again: "
            "trash pseudo export SET -o FILE --recipe RECIPE.",
        ) from None


def _doubts(path: Path, format: SubmissionFormat, n_rows: int, n_images: int) -> tuple[str, ...]:
    height, width = format.size
    return (
        f"{path.name} holds labels of whole images at {height} × {width} and no confidences: every "
        "pixel counts as sure",
        *(
            [f"{part_of(n_images - n_rows, n_images, ('image', 'images'), ('has', 'have'))} no row"]
            if n_rows < n_images
            else []
        ),
    )


def _rows(
    path: Path, format: SubmissionFormat, unlabelled: Split
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the rows of a file, each of another image of the split."""
    n_classes = len(unlabelled.labels.class_names)
    images = frozenset(unlabelled.file_names)
    seen: dict[str, int] = {}
    for count, (name, labels) in enumerate(format.read(path), start=1):
        where = f"{path}: image {count}, {name}"
        if name in seen:
            raise UsageError(f"{where}: it was image {seen[name]} already")
        if name not in images:
            raise UsageError(
                f"{where}: not one of the {len(images)} unlabelled images of {unlabelled.file}",
                did_you_mean(name, images, limit=3),
            )
        if labels.shape != format.size or labels.max() >= n_classes:
            raise UsageError(
                f"{where}: expected {format.size[0]} × {format.size[1]} labels below {n_classes}, "
                f"got {' × '.join(map(str, labels.shape))} up to {labels.max()}"
            )
        seen[name] = count
        yield name, labels


@dataclass(frozen=True)
class _FilePredictions:
    """The labels of a file as predictions that are sure; None for an image without a row.

    Attributes:
        rows: uint8 (n, H, W), mapped.
        sampling: how they got their size.
        row_of: file name -> row.
        unlabelled: the images; read only where a postprocessor needs them.
        postprocess: applied to the one-hot map.
    """

    rows: NDArray[np.uint8]
    sampling: Sampling
    row_of: Mapping[str, int]
    unlabelled: Split
    postprocess: Chain

    def __iter__(self) -> Iterator[Prediction | None]:
        n_classes = len(self.unlabelled.labels.class_names)
        for position, record in enumerate(self.unlabelled.images):
            row = self.row_of.get(record.file_name)
            if row is None:
                yield None
                continue
            labels = self.sampling.restore(self.rows[row], (record.height, record.width))
            planes = np.arange(n_classes, dtype=np.uint8)[:, None, None]
            probabilities = (planes == labels).astype(np.float32)
            if self.postprocess.steps:
                image = read_picture(self.unlabelled.path(position), record)
                probabilities = self.postprocess(probabilities, image)
            yield Prediction(record.file_name, probabilities, np.ones(labels.shape, np.float32))
