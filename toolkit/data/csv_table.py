"""CSV files with a header that list photos."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import read_text
from toolkit.suggestions import did_you_mean
from toolkit.wording import counted, some_of

_SHOWN = 3


@dataclass(frozen=True)
class TableRow:
    """One row: the line of the file that it ends in, and its text in each column."""

    line: int
    texts: dict[str, str]


@dataclass(frozen=True)
class CsvTable:
    """The columns and rows of a file."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]

    def require(self, column: str, parameter: str) -> None:
        """Refuse a table without a column that `data.format.<parameter>` names.

        Raises:
            UsageError: with the nearest one, and those that are there.
        """
        if column not in self.columns:
            near = did_you_mean(column, self.columns, limit=0)
            way = f"data.format.{parameter} says which column it is."
            raise UsageError(
                f"{self.path}: there is no column {column!r}; its columns are "
                f"{some_of(self.columns)}",
                f"{near} {way}".strip(),
                parameter=parameter,
            )


def read_csv_table(path: Path) -> CsvTable:
    """Read a CSV file whose first line names the columns; texts may be of any length.

    Raises:
        UsageError: it cannot be read, or rows have more or fewer fields than the header.
    """
    text = read_text(path, "CSV file")
    limit = csv.field_size_limit(len(text) + 1)  # the run lengths of a large photo are longer
    try:
        reader = csv.DictReader(StringIO(text, newline=""))
        columns = tuple(column for column in reader.fieldnames or () if column)
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UsageError(f"{path}: not a CSV file: {error}") from None
    finally:
        csv.field_size_limit(limit)
    # The reader fills up short rows with None, and collects what is too much under None.
    odd = [line for line, row in rows if None in row or None in row.values()]
    if odd:
        have = counted(len(odd), "row has", "rows have")
        shown = some_of([f"line {line}" for line in odd], _SHOWN)
        raise UsageError(f"{path}: {have} more or fewer fields than the header: {shown}")
    return CsvTable(path, columns, tuple(TableRow(line, dict(row)) for line, row in rows))
