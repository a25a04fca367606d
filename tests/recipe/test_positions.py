from __future__ import annotations

import tomllib
from typing import Any

import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.recipe.positions import key_lines

EXAMPLE = '''\
# a comment with [brackets] and = signs
title = "a # no comment" # a comment
"quoted key" = 1
a.b.c = 2

[data]
text = """
[not.a.table]
x = 1
"""
literal = \'\'\'
y = 2\'\'\'
size = [
    1,  # one
    2,
]
inline = { name = "x", deep = { p = 0.5 } }

[[augment.train]]
name = "hflip"

[[augment.train]]
name = "one_of"
of = [
    { name = "clahe" },
    { name = "elastic",
      p = 0.5 },
]
[augment.train.more]
z = 1

[train]
epochs = 3
'''


def test_lines_of_an_example_with_every_construct() -> None:
    # The one construct of TOML 1.1 (line breaks in inline tables) is joined for tomllib 1.0.
    text = EXAMPLE.replace('"elastic",\n      p', '"elastic", p')
    tomllib.loads(text)
    lines = key_lines(text)
    rows = text.split("\n")

    def row(*path: str | int) -> str:
        return rows[lines[path] - 1]

    assert row("title").startswith("title")
    assert row("quoted key").startswith('"quoted key"')
    assert row("a", "b", "c") == row("a") == "a.b.c = 2"
    assert row("data") == "[data]"
    assert row("data", "literal").startswith("literal")
    assert row("data", "size", 1).strip() == "2,"
    assert row("data", "inline", "deep", "p").startswith("inline")
    assert row("augment", "train", 0, "name") == 'name = "hflip"'
    assert row("augment", "train", 1, "name") == 'name = "one_of"'
    assert row("augment", "train", 1, "of", 0, "name").strip() == '{ name = "clahe" },'
    assert "elastic" in row("augment", "train", 1, "of", 1, "p")
    assert row("augment", "train", 1, "more", "z") == "z = 1"
    assert row("train", "epochs") == "epochs = 3"
    assert ("not",) not in lines
    assert ("data", "x") not in lines


def test_a_line_break_in_an_inline_table_moves_the_line() -> None:
    lines = key_lines("a = { x = 1,\n  y = 2 }\nb = 3\n")
    assert lines["a", "x"] == 1
    assert lines["a", "y"] == 2
    assert lines["b",] == 3


keys = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=6)
scalars = (
    st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
)
tables = st.recursive(
    st.dictionaries(keys, scalars, max_size=4),
    lambda inner: st.dictionaries(
        keys,
        scalars | inner | st.lists(scalars, max_size=3) | st.lists(inner, max_size=3),
        max_size=4,
    ),
    max_leaves=12,
)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    found = {path} if path else set()
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        found |= _paths(item, (*path, key))
    return found


@settings(max_examples=300, deadline=None)
@given(tables, st.booleans())
def test_every_key_of_any_table_has_a_line_that_names_it(
    table: dict[str, Any], multi: bool
) -> None:
    text = tomli_w.dumps(table, multiline_strings=multi)
    parsed = tomllib.loads(text)
    lines = key_lines(text)
    assert set(lines) == _paths(parsed)
    rows = text.split("\n")
    for path, line in lines.items():
        if isinstance(path[-1], str) and path[-1].isascii() and path[-1].isalnum():
            assert path[-1] in rows[line - 1]
