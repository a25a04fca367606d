"""Rows as a file: CSV and Parquet for programs, Markdown for people."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.errors import UsageError

Records = Sequence[Mapping[str, Any]]
"""Rows by the names of their columns, with values as JSON knows them."""

# What Markdown takes for a sign of its own; within a word an underscore is none.
_SIGNS = re.compile(r"[\\`*\[\]<>|~]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])")


def csv_text(columns: Sequence[str], records: Records) -> str:
    """Return rows as CSV (RFC 4180) with a header; lines end in CR LF, numbers are not rounded.

    Nothing, NaN and infinity are empty fields; a list or a table is one field of JSON.

    Args:
        columns: names of the columns, in order.
        records: the rows.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_value(record[column]) for column in columns] for record in records)
    return text.getvalue()


def parquet_bytes(columns: Sequence[str], records: Records) -> bytes:
    """Return rows as a Parquet file; values are those of `csv_text`, numbers are numbers.

    Args:
        columns: names of the columns, in order.
        records: the rows.

    Raises:
        UsageError: pyarrow cannot be imported.
    """
    require_parquet()
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(
        {column: [_value(record[column]) for record in records] for column in columns}
    )
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream)
    return stream.getvalue()


def require_parquet() -> None:
    """Refuse to go on where no Parquet can be written.

    Raises:
        UsageError: pyarrow cannot be imported.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"Parquet needs a package that cannot be imported: {error}",
            'pip install "trash-toolkit[parquet]", or write CSV.',
        ) from error


def markdown_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return texts as a Markdown table; whatever they hold is shown as it is.

    Args:
        columns: the header.
        rows: as many texts each.
    """
    lines = [[*map(_cell, columns)], ["---"] * len(columns), *([*map(_cell, row)] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _value(value: Any) -> Any:
    if isinstance(value, list | tuple | Mapping):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    # Names of files may be no Unicode.
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _cell(text: str) -> str:
    signs = _SIGNS.sub(lambda match: f"\\{match[0]}", text)
    return re.sub(r"\r\n|\r|\n", "<br>", signs)
