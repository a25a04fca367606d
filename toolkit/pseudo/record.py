"""Selecting from predictions and writing the set, image by image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.array_store import write_store
from toolkit.data.photo_rules import reading_of
from toolkit.data.split import Split
from toolkit.errors import TrashError
from toolkit.files import unfinished_folder, write_json_atomic
from toolkit.formats.label_rows import fitted_labels, sampling_of
from toolkit.metrics.counts import count_keys
from toolkit.plugin.interfaces import Prediction, SubmissionFormat
from toolkit.predict import store
from toolkit.progress import Bar, Progress
from toolkit.pseudo.figures import figures_of, spread
from toolkit.pseudo.label_set import (
    INDEX,
    LABELS,
    MAPS,
    LabelledImage,
    LabelSet,
    LabelSetIndex,
    checksum,
    layout_of,
    open_label_set,
)
from toolkit.pseudo.select import Decision, Selection

NO_PREDICTION = "lack of a prediction"
"""Why an image without a prediction is rejected."""

_SOFT_NUMBERS = "u8"
_SUM_TOLERANCE = 1e-3


def record_label_set(
    folder: Path,
    predictions: Iterable[Prediction | None],
    unlabelled: Split,
    selection: Selection,
    *,
    file: SubmissionFormat | None = None,
    soft: bool,
    origin: Mapping[str, Any],
    warnings: Sequence[str],
    progress: Progress,
) -> LabelSet:
    """Select from predictions and write what is trusted, never more than one image in memory.

    Args:
        folder: where the set is to be; if it is there it is opened and nothing is done.
        predictions: one per image, in the order of the split, None for an image without; iterated
            twice when a selector wants to see all of them first.
        unlabelled: the images.
        selection: decides what is trusted.
        file: the format of the file that the labels go through on their way; None = through none.
        soft: keep the probabilities of the selected images.
        origin: plain values that say what the set is made from.
        warnings: what is lost or odd.
        progress: told what happens.

    Raises:
        TrashError: nothing was selected; a prediction is no probability map.
    """

    def say_waiting() -> None:
        progress.say("another process is writing these pseudo-labels: waiting for it")

    with unfinished_folder(folder, say_waiting) as partial:
        if partial is not None:
            if selection.observes:
                with progress.bar("looking at the predictions", len(unlabelled), "images") as bar:
                    for prediction in predictions:
                        if prediction is not None:
                            selection.observe(prediction)
                        bar.advance()
            with progress.bar("selecting pseudo-labels", len(unlabelled), "images") as bar:
                found = _Recorder(unlabelled, selection, soft, file).write(
                    partial, predictions, bar
                )
            index = LabelSetIndex(
                class_names=unlabelled.labels.class_names,
                ignore_index=selection.ignore_index,
                root=str(unlabelled.root),
                images=tuple(found.images),
                predicted=tuple(found.predicted.tolist()),
                trusted=tuple(found.trusted.tolist()),
                soft=soft,
                warnings=tuple(warnings),
                origin=dict(origin),
                checksum=checksum(partial / LABELS),
                exif_applied=unlabelled.exif_applied,
                photos=reading_of(unlabelled),
            )
            if not index.selected:
                raise _nothing_selected(index)
            write_json_atomic(partial / INDEX, index.to_json())
    label_set = open_label_set(folder)
    index = label_set.index
    share = sum(index.trusted) / sum(h * w for h, w in label_set.sizes)
    progress.say(
        f"pseudo-labels: {len(label_set)} of {len(index.images)} images, "
        f"{share:.1%} of their pixels are trusted"
    )
    return label_set


@dataclass
class _Recorder:
    """Writes the labels of a set, and its maps, as the predictions come."""

    unlabelled: Split
    selection: Selection
    soft: bool
    file: SubmissionFormat | None
    images: list[LabelledImage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.n_classes = len(self.unlabelled.labels.class_names)
        self.predicted = np.zeros(self.n_classes, np.int64)
        self.trusted = np.zeros(self.n_classes, np.int64)

    def write(self, folder: Path, predictions: Iterable[Prediction | None], bar: Bar) -> _Recorder:
        """Write `labels.bin` and, with soft labels, `maps/` into a folder."""
        sizes = tuple((record.height, record.width) for record in self.unlabelled.images)
        layout = layout_of(sizes, self.n_classes)
        if not self.soft:
            write_store(folder / LABELS, layout, self._arrays(predictions, None, bar))
            return self
        maps = folder / MAPS
        maps.mkdir()
        with (maps / store.MAPS).open("wb") as file:
            write_store(folder / LABELS, layout, self._arrays(predictions, file, bar))
        selected = [image for image in self.images if image.is_selected]
        index = store.StoreIndex(
            class_names=self.unlabelled.labels.class_names,
            file_names=tuple(image.file_name for image in selected),
            sizes=tuple(image.size for image in selected),
            dtype=_SOFT_NUMBERS,
            origin={},
        )
        write_json_atomic(maps / store.INDEX, index.to_json())
        return self

    def _arrays(
        self, predictions: Iterable[Prediction | None], maps: IO[bytes] | None, bar: Bar
    ) -> Iterator[NDArray[np.uint8]]:
        """Yield the trusted and the predicted labels of every image."""
        ignored = self.selection.ignore_index
        for record, prediction in zip(self.unlabelled.images, predictions, strict=True):
            size = (record.height, record.width)
            if prediction is None:
                nothing = np.full(size, ignored, np.uint8)
                self.images.append(
                    LabelledImage(record.file_name, size, NO_PREDICTION, None, None, None, 0.0)
                )
                yield from (nothing, nothing)
            else:
                _require_probabilities(prediction)
                decision = self.selection(prediction)
                if self.file is not None:
                    decision = _through(self.file, decision, prediction.file_name, self.n_classes)
                if decision.labels is not None and maps is not None:
                    maps.write(store.quantise(prediction.probabilities, _SOFT_NUMBERS).data)
                yield from self._counted(prediction, decision)
            bar.advance()

    def _counted(
        self, prediction: Prediction, decision: Decision
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        labels = decision.labels
        if labels is None:
            labels = np.full_like(decision.predicted, self.selection.ignore_index)
        trusted = count_keys(labels)[: self.n_classes]
        self.predicted += count_keys(decision.predicted)[: self.n_classes]
        self.trusted += trusted
        share = int(trusted.sum()) / labels.size
        self.images.append(figures_of(prediction, decision, share))
        return labels, decision.predicted


def _through(
    file: SubmissionFormat, decision: Decision, file_name: str, n_classes: int
) -> Decision:
    """Return a decision with the labels that would come back from a file of that format."""
    size = decision.predicted.shape[0], decision.predicted.shape[1]
    sampling = sampling_of(file)
    in_file = fitted_labels(file_name, decision.predicted, sampling, n_classes)
    predicted = sampling.restore(in_file, size)
    if decision.labels is None:
        return replace(decision, predicted=predicted)
    trusted = decision.labels == decision.predicted
    return replace(
        decision, predicted=predicted, labels=np.where(trusted, predicted, decision.labels)
    )


def _require_probabilities(prediction: Prediction) -> None:
    total = prediction.probabilities.sum(axis=0)
    if not (abs(total.min() - 1) < _SUM_TOLERANCE and abs(total.max() - 1) < _SUM_TOLERANCE):
        raise TrashError(
            f"{prediction.file_name}: the combined probabilities do not sum to 1",
            "Check the ensembler and the postprocessors: trash plugin check NAME",
        )


def _nothing_selected(index: LabelSetIndex) -> TrashError:
    reasons = Counter(image.rejected_by for image in index.images)
    rejected = ", ".join(f"{name} rejected {count}" for name, count in reasons.most_common())
    lines = [f"none of {len(index.images)} images was selected: {rejected}", *spread(index.images)]
    return TrashError(
        "\n".join(lines), "Choose thresholds below these figures.", parameter="pseudo.select"
    )
