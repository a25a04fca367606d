"""Rows as CSV, Parquet and Markdown, read back by programs of others."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.markdown_tables import markdown_tables
from toolkit.tables import csv_text, markdown_text, parquet_bytes

COLUMNS = ("name", "score", "best", "seed", "changes")
ROWS: list[dict[str, Any]] = [
    {"name": 'a,"b"', "score": 0.1 + 0.2, "best": True, "seed": 1, "changes": ["x=1,2", "김치"]},
    {"name": "두 줄\nline", "score": None, "best": False, "seed": None, "changes": []},
    {"name": "not\udc80unicode", "score": float("nan"), "best": True, "seed": 3, "changes": [""]},
]
SCORES = (0.30000000000000004, None, None)
NAMES = ('a,"b"', "두 줄\nline", "not\\udc80unicode")


def test_csv_has_a_header_and_numbers_that_are_not_rounded() -> None:
    text = csv_text(COLUMNS, ROWS)
    assert text.startswith('name,score,best,seed,changes\r\n"a,""b""",0.30000000000000004,True,1,')
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == [*COLUMNS]
    assert [row[0] for row in rows] == [*NAMES]
    assert [float(row[1]) if row[1] else None for row in rows] == [*SCORES]
    assert [row[3] for row in rows] == ["1", "", "3"]
    assert [json.loads(row[4]) for row in rows] == [row["changes"] for row in ROWS]
    assert csv_text(COLUMNS, []) == "name,score,best,seed,changes\r\n"


def test_parquet_has_numbers_as_numbers() -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(parquet_bytes(COLUMNS, ROWS)))
    assert [*map(str, table.schema.types)] == ["string", "double", "bool", "int64", "string"]
    found = table.to_pydict()
    assert found["name"] == [*NAMES]
    assert found["score"] == [*SCORES]
    assert found["best"] == [True, False, True]
    assert found["seed"] == [1, None, 3]
    assert [*map(json.loads, found["changes"])] == [row["changes"] for row in ROWS]
    empty = pyarrow.parquet.read_table(io.BytesIO(parquet_bytes(COLUMNS, [])))
    assert empty.column_names == [*COLUMNS]
    assert empty.num_rows == 0


@pytest.mark.parametrize(
    "text",
    [
        "a|b",
        "two\nlines",
        "hflip*rot90*d4",
        "<b>&lt;</b>",
        "C:\\|",
        "__init__ _x_ a_b_c",
        "`code` ~~no~~ [a](b) ![c](d)",
        "김치, 찌개",
    ],
)
def test_markdown_shows_every_text_as_it_is(text: str) -> None:
    assert markdown_tables(markdown_text(("name", text), [(text, "b"), ("c", text)])) == [
        [["name", text], [text, "b"], ["c", text]]
    ]


@given(st.text("ab |\\*_`~<>&#;[]()!\n김1", max_size=12))
def test_markdown_shows_any_text(text: str) -> None:
    # Spaces around a line are none of a cell's.
    lines = [line.strip() for line in text.strip().split("\n")]
    (table,) = markdown_tables(markdown_text(("name", "x"), [("\n".join(lines), "b")]))
    assert table[1] == ["\n".join(lines), "b"]
