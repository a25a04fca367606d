"""A table of the epochs in the run folder."""

from __future__ import annotations

import io
from collections.abc import Mapping
from csv import DictReader, DictWriter
from pathlib import Path

from toolkit.files import write_text_atomic


class CsvTracker:
    """A table with one row per epoch.

    A new figure adds a column; an epoch that is run again replaces its row.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[int, dict[str, str]] = {}
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                for row in DictReader(file):
                    self._rows[int(row["epoch"])] = {k: v for k, v in row.items() if v}

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Add the row of `epoch`; later epochs of an interrupted attempt are dropped."""
        self._rows = {number: row for number, row in self._rows.items() if number < epoch}
        values = {name: repr(value) for name, value in figures.items() if name != "epoch"}
        self._rows[epoch] = {"epoch": str(epoch), **values}
        # Rewritten whole: a table is small, and a reader never sees half a row.
        text = io.StringIO()
        columns = list(dict.fromkeys(name for row in self._rows.values() for name in row))
        writer = DictWriter(text, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows.values())
        write_text_atomic(self._path, text.getvalue())

    def close(self) -> None:
        """Do nothing: every row is on disk already."""
