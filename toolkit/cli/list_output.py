"""`--format` and `--output`: what the commands that list something print, and where it goes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer

from toolkit.cli import console
from toolkit.errors import UsageError
from toolkit.files import atomic_path
from toolkit.recipe.problems import shown_path
from toolkit.tables import Records, csv_text, markdown_text, parquet_bytes, require_parquet

_Format = Literal["table", "csv", "json", "md", "parquet"]
ListFormat = Annotated[
    _Format | None,
    typer.Option(
        "--format",
        help="table (the default) and md (Markdown) are for people; csv, json and parquet have "
        "every value, and numbers that are not rounded.",
    ),
]
ListFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write it there; not for table."),
]
ListJson = Annotated[bool, typer.Option("--json", help="Short for --format json.")]


class ListTable(NamedTuple):
    """What people see of a list; columns named in `numeric` are aligned to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    numeric: Sequence[str] = ()


@dataclass(frozen=True)
class ListOutput:
    """The format of a list and its file; None = stdout. Made by `list_output`."""

    format: _Format
    file: Path | None

    def write_records(self, columns: Sequence[str], records: Records, whole: Any = None) -> bool:
        """Write a list for programs; return False, and write nothing, where it is for people.

        Args:
            columns: names of every value of a row, in order.
            records: the rows.
            whole: what JSON holds, where that is more than the rows.
        """
        if self.format == "json":
            value = [*records] if whole is None else whole
            if self.file is None:
                console.print_json(value)
            else:
                self._write(f"{console.json_text(value)}\n")
        elif self.format == "csv":
            self._write(csv_text(columns, records))
        elif self.format == "parquet":
            self._write(parquet_bytes(columns, records))
        return self.format in ("json", "csv", "parquet")

    def print_tables(self, *tables: ListTable) -> None:
        """Write a list for people, and what else belongs to it; an empty one is no table."""
        if self.format == "md":
            self._write("\n".join(map(_markdown, tables)))
            return
        for number, table in enumerate(table for table in tables if table.rows):
            if number:
                console.print_result("")
            console.print_table(table.columns, table.rows, numeric=table.numeric)

    def print_entries(
        self, groups: Mapping[str, Sequence[console.Entry]], table: ListTable
    ) -> None:
        """Write a list for people, which is best read under headings; in Markdown, as a table."""
        if self.format == "md":
            self.print_tables(table)
        else:
            console.print_entries(groups)

    def _write(self, content: str | bytes) -> None:
        if self.file is not None:
            with atomic_path(self.file) as temporary:
                temporary.write_bytes(_encoded(content))
            console.print_result(shown_path(self.file))
        elif isinstance(content, str) and sys.stdout.isatty():
            console.print_result(content.replace("\r\n", "\n").rstrip("\n"))
        else:
            # Not as text, which would turn the ends of lines, or may know no Unicode.
            sys.stdout.flush()
            sys.stdout.buffer.write(_encoded(content))
            sys.stdout.buffer.flush()


def list_output(format_: _Format | None, file: Path | None, json_: bool) -> ListOutput:
    """Return what the options `--format`, `--output` and `--json` ask for.

    Raises:
        UsageError: they contradict each other, the file is a folder, Parquet would go to a
            terminal, or its package is missing.
    """
    if json_ and format_ not in (None, "json"):
        raise UsageError(f"--json and --format {format_} contradict each other", "Leave one out.")
    name = "json" if json_ else format_ or "table"
    if file is not None and name == "table":
        raise UsageError(
            f"--output {file}: a table is for the screen",
            "Add --format csv, json, md or parquet.",
        )
    if file is not None and file.is_dir():
        raise UsageError(f"--output {file} is a folder", "Name a file in it.")
    if name == "parquet":
        if file is None and sys.stdout.isatty():
            raise UsageError(
                "--format parquet is nothing that a terminal can show",
                "Name a file: --output FILE.parquet",
            )
        require_parquet()
    return ListOutput(name, file)


def _markdown(table: ListTable) -> str:
    rows = [[console.cell_text(value) for value in row] for row in table.rows]
    return markdown_text(table.columns, rows)


def _encoded(content: str | bytes) -> bytes:
    return content.encode(errors="backslashreplace") if isinstance(content, str) else content
