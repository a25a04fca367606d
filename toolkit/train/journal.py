"""Reporting the figures of every epoch: metrics.jsonl, the printed table, trackers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.files import write_text_atomic
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, Tracker
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.plugin.registry import Registry
from toolkit.progress import Progress
from toolkit.train.tensor_file import explain_disk_errors


class Journal:
    """Receives the record of every finished epoch, in the main process.

    Args:
        path: metrics.jsonl; it is cut back to `finished`, the epochs that a resumed run keeps.
        finished: records of the epochs before.
        trackers: the trackers by name.
        progress: shows the table.
        metric: name of the metric that decides: its score has a column of its own.
        validates: whether some epochs are validated: the others then have "-" in the columns of
            validation, so that the table keeps its columns.
    """

    def __init__(
        self,
        path: Path,
        finished: Iterable[Mapping[str, Any]],
        trackers: Mapping[str, Tracker],
        progress: Progress,
        metric: str = DEFAULT_METRIC,
        *,
        validates: bool = True,
    ) -> None:
        self._path = path
        self._columns = dict(_COLUMNS)
        if metric == DEFAULT_METRIC:
            del self._columns["val_score"]
        else:
            self._columns["val_score"] = f"val {metric}"
        self._always = {name for name in self._columns if validates and name.startswith("val_")}
        self._trackers = dict(trackers)
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
        self._call_trackers("log", lambda tracker: tracker.log(int(record["epoch"]), figures))

    def close(self) -> None:
        """Close the trackers."""
        self._call_trackers("close", lambda tracker: tracker.close())

    def _call_trackers(self, what: str, call: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                call(tracker)
            except Exception as error:  # a tracker must never stop a training
                del self._trackers[name]
                self._progress.say(_failure_warning(name, f"{what}: {error!r}"))


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


def open_trackers(
    specs: Iterable[ComponentSpec],
    registry: Registry,
    context: Context,
    run_dir: Path,
    progress: Progress,
) -> dict[str, Tracker]:
    """Return the recipe's trackers by name; one that cannot start is reported and left out.

    Raises:
        UsageError: an unknown tracker or a wrong parameter.
    """
    trackers: dict[str, Tracker] = {}
    for spec in specs:
        try:
            trackers[spec.name] = registry.build("tracker", spec, context, run_dir)
        except UsageError:
            raise
        except Exception as error:  # a tracker must never stop a training
            progress.say(_failure_warning(spec.name, repr(error)))
    return trackers


def _failure_warning(name: str, reason: str) -> str:
    return f"warning: tracker {name} failed and is left out from here on ({reason})"
