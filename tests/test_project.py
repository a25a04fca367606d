from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.project import Project, find_project


def test_the_project_is_the_nearest_folder_with_recipes(tmp_path: Path) -> None:
    (tmp_path / "recipes" / "deep").mkdir(parents=True)
    assert find_project(tmp_path / "recipes" / "deep").root == tmp_path
    (tmp_path / "inner").mkdir()
    assert find_project(tmp_path / "inner").root == tmp_path


def test_paths_of_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/kim")
    project = Project(tmp_path)
    assert project.path("data/x") == tmp_path / "data" / "x"
    assert project.path("/mnt/data") == Path("/mnt/data")
    assert project.path("~/data") == Path("/home/kim/data")
    assert project.path("~nobody-is-called-so/x") == tmp_path / "~nobody-is-called-so" / "x"


def test_the_cache_may_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    assert Project(tmp_path).cache == tmp_path / ".trash"
    monkeypatch.setenv("TRASH_CACHE", "/scratch")
    assert Project(tmp_path).cache == Path("/scratch")
