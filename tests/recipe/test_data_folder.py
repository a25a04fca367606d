from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.recipe.data_folder import data_root_text, with_data_root


def test_a_folder_in_the_project_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "team" / "data").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "team")
    project = Project(tmp_path / "team")
    assert data_root_text(Path("data"), project) == "data"
    assert data_root_text(tmp_path / "team" / "data", project) == "data"
    elsewhere = tmp_path / "elsewhere"
    assert data_root_text(elsewhere, project) == elsewhere.as_posix()
    assert with_data_root(["seed=1"], Path("data"), project) == ['data.root="data"', "seed=1"]
    assert with_data_root(None, None, project) == []


def test_a_folder_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "list.txt").touch()
    with pytest.raises(UsageError) as caught:
        data_root_text(tmp_path / "photo", Project(tmp_path))
    assert "photos" in caught.value.hint
    with pytest.raises(UsageError, match="is a file, not a folder"):
        data_root_text(tmp_path / "list.txt", Project(tmp_path))
