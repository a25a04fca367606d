from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.experiment.find import find_checkpoint
from toolkit.project import Project, find_project
from toolkit.recipe.find import find_recipe


def test_the_project_is_the_nearest_folder_with_recipes(tmp_path: Path) -> None:
    (tmp_path / "recipes" / "deep").mkdir(parents=True)
    assert find_project(tmp_path / "recipes" / "deep").root == tmp_path
    (tmp_path / "inner").mkdir()
    assert find_project(tmp_path / "inner").root == tmp_path


def test_a_linked_folder_belongs_to_the_project_that_it_was_entered_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, disk = tmp_path / "project", tmp_path / "disk" / "photos"
    (project / "recipes").mkdir(parents=True)
    disk.mkdir(parents=True)
    (project / "data").symlink_to(disk)
    monkeypatch.chdir(project / "data")
    monkeypatch.setenv("PWD", str(project / "data"))
    assert find_project().root == project
    # Programs that change the folder leave the variable as it was.
    monkeypatch.chdir(disk.parent)
    assert find_project().root == disk.parent
    for other in ("", "data", str(tmp_path / "gone")):
        monkeypatch.setenv("PWD", other)
        assert find_project().root == disk.parent
    # A project that the link leads into is one too, where the way in has none.
    (tmp_path / "link").symlink_to(project / "recipes")
    monkeypatch.chdir(tmp_path / "link")
    monkeypatch.setenv("PWD", str(tmp_path / "link"))
    assert find_project().root == project


def test_files_of_a_project_are_refused_outside_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "my project"
    for file in ("recipes/a.toml", "runs/a-001/best.pt"):
        (project / file).parent.mkdir(parents=True)
        (project / file).touch()
    monkeypatch.chdir(tmp_path)
    for find, text in (
        (lambda text, here: find_recipe(Path(text), here), "my project/recipes/a.toml"),
        (lambda text, here: find_checkpoint(text, here), "my project/runs/a-001/best.pt"),
        (lambda text, here: find_checkpoint(text, here), "my project/runs/a-001"),
    ):
        with pytest.raises(UsageError, match="the working folder lies in no project") as caught:
            find(text, find_project())
        assert caught.value.hint.endswith("cd 'my project'")
        find(str(project / text.removeprefix("my project/")), Project(project))
    # From one project, those of another are named as before.
    (tmp_path / "own" / "recipes").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "own")
    assert find_recipe(Path("../my project/recipes/a.toml"), find_project()).is_file()


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
