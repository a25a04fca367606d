from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter

from toolkit.errors import UsageError
from toolkit.file_schema import FileLayout, OtherFile


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int


NAMED = FileLayout(
    "shopping list", TypeAdapter(_Content), 2, "trash-list", older=(1,), origin="Write one."
)
UNNAMED = FileLayout(
    "diary", TypeAdapter(_Content), 1, version_key="schema_version", repair="Write it again."
)


def _read(layout: FileLayout[_Content], path: Path, value: Any) -> _Content:
    path.write_text(json.dumps(value))
    return layout.read(path)


@pytest.mark.parametrize("layout", [NAMED, UNNAMED])
def test_what_is_written_is_read(layout: FileLayout[_Content], tmp_path: Path) -> None:
    assert _read(layout, tmp_path / "a.json", {**layout.header, "number": 3}).number == 3


def test_older_versions_are_read_where_the_layout_says_so(tmp_path: Path) -> None:
    value = {"schema": "trash-list", "version": 1, "number": 3}
    assert _read(NAMED, tmp_path / "a.json", value).number == 3


@pytest.mark.parametrize("value", [[], 3, {}, {"schema": "trash-store", "version": 2, "number": 3}])
def test_another_file_is_told_from_a_broken_one(value: Any, tmp_path: Path) -> None:
    with pytest.raises(OtherFile, match=r"a\.json is not a shopping list") as caught:
        _read(NAMED, tmp_path / "a.json", value)
    assert caught.value.hint == "Write one."
    with pytest.raises(OtherFile, match="is not a diary"):
        _read(UNNAMED, tmp_path / "a.json", value)


@pytest.mark.parametrize(
    ("version", "hint"),
    [(9, "Update the toolkit."), (0, ""), (True, ""), ("2", ""), (None, ""), ([2], "")],
)
def test_a_version_that_is_not_read(version: Any, hint: str, tmp_path: Path) -> None:
    value = {"schema": "trash-list", "version": version, "number": 3}
    with pytest.raises(
        UsageError, match=r"shopping list of version .*; this is version 2"
    ) as caught:
        _read(NAMED, tmp_path / "a.json", value)
    assert caught.value.hint == hint


def test_a_broken_file_names_the_field_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"broken diary: number: .* not 'three'") as caught:
        _read(UNNAMED, tmp_path / "a.json", {"schema_version": 1, "number": "three"})
    assert caught.value.hint == "Write it again."
    with pytest.raises(UsageError, match="diary not found"):
        UNNAMED.read(tmp_path / "absent.json")
