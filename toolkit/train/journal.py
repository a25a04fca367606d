"""Reporting the figures of every epoch: metrics.jsonl, the printed table, trackers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.files import write_text_atomic
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.progress import Progress
from toolkit.train.tensor_file import explain_disk_errors
from toolkit.train.tracking import Tracking


class Journal:
    """Receives the record of every finished epoch, in the main process.

    Args:
        path: metrics.jsonl; it is cut back to `finished`, the epochs that a resumed run keeps.
        finished: records of the epochs before.
        tracking: tells the trackers.
        progress: shows the table.
        metric: name of the metric that decides: its score has a column of its own.
        class_names: of the labels, in the order of a record's `val_iou`.
        validates: whether some epochs are validated: the others then have "-" in the columns of
            validation, so that the table keeps its columns.
    """

    def __init__(
        self,
        path: Path,
        finished: Iterable[Mapping[str, Any]],
        tracking: Tracking,
        progress: Progress,
        metric: str = DEFAULT_METRIC,
        *,
        class_names: Sequence[str] = (),
        validates: bool = True,
    ) -> None:
        self._path = path
        self._columns = dict(_COLUMNS)
        if metric == DEFAULT_METRIC:
            del self._columns["val_score"]
        else:
            self._columns["val_score"] = f"val {metric}"
        self._always = {name for name in self._columns if validates and name.startswith("val_")}
        self._tracking = tracking
        self._class_names = class_names
        self._progress = progress
        with explain_disk_errors(path):
            write_text_atomic(path, "".join(_line(record) for record in finished))

    def add(self, record: Mapping[str, Any]) -> None:
        """Append an epoch to the file, the table and the trackers."""
        with (
            explain_disk_errors(self._path),
            self._path.open("a", encoding="utf-8", newline="\n") as file,
        ):
            file.write(_line(record))
        figures = numbers_of(record)
        shown = {
            title: figures.get(name, math.nan)
            for name, title in self._columns.items()
            if name in figures or name in self._always
        }
        self._progress.row({**shown, "epoch": int(record["epoch"])})
        self._tracking.log(
            int(record["epoch"]),
            figures,
            _known(record["val_metrics"] or {}),
            _known(dict(zip(self._class_names, record["val_iou"] or (), strict=False))),
        )


_COLUMNS = {
    "epoch": "epoch",
    "lr": "lr",
    "train_loss": "train loss",
    "val_loss": "val loss",
    "val_score": "",
    "val_miou": "val mIoU",
    "images_per_second": "images/s",
    "seconds": "seconds",
}


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def numbers_of(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the plain figures of a record: no lists, nothing that was not measured."""
    return {name: value for name, value in record.items() if isinstance(value, int | float)}


def _known(scores: Mapping[str, float | None]) -> dict[str, float]:
    return {name: score for name, score in scores.items() if score is not None}
