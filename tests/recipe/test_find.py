from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.recipe.find import find_recipe


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    for name in ("demo", "small/bags_unet", "small/study/bags_unet", "small/study/fpn", "v1.5"):
        path = tmp_path / "recipes" / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("recipes/demo.toml", "demo"),
        ("recipes/demo", "demo"),
        ("demo.toml", "demo"),
        ("demo", "demo"),
        ("small/bags_unet", "small/bags_unet"),
        ("small/bags_unet.toml", "small/bags_unet"),
        ("recipes/small/bags_unet", "small/bags_unet"),
        ("study/bags_unet", "small/study/bags_unet"),
        ("study/fpn.toml", "small/study/fpn"),
        ("fpn", "small/study/fpn"),
        ("v1.5", "v1.5"),
        ("v1.5.toml", "v1.5"),
    ],
)
@pytest.mark.parametrize("folder", [".", "recipes/small"])
def test_a_recipe_is_found_by_every_name_that_is_clear(
    text: str, file: str, folder: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root / folder)
    found = find_recipe(Path(text), project)
    assert found.resolve() == project.recipes / f"{file}.toml"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("bags_unet", "several recipes are called bags_unet", "recipes/small/study/bags_unet.toml"),
        ("smal/bags_unet", "there is no recipe smal/bags_unet", "recipes/small/bags_unet.toml?"),
        ("dmeo", "there is no recipe dmeo", "Did you mean recipes/demo.toml?"),
        ("DEMO.toml", "there is no recipe", "Did you mean recipes/demo.toml?"),
        ("zzz", "there is no recipe zzz", "trash recipe list"),
        ("recipes/small", "is a folder, not a recipe", "trash recipe list"),
        (".", "is a folder, not a recipe", "trash recipe list"),
    ],
)
def test_others_are_refused_with_the_nearest(
    text: str, message: str, hint: str, project: Project
) -> None:
    with pytest.raises(UsageError) as caught:
        find_recipe(Path(text), project)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_without_recipes_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_recipe(Path("demo"), Project(tmp_path))
    assert "trash recipe new NAME --data DIR" in caught.value.hint
