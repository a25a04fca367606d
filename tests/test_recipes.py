"""Every shipped recipe is right, and runs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from toolkit.cli.main import run
from toolkit.errors import UsageError
from toolkit.experiment.check import check_recipe
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.train.batches import pseudo_pipeline

ROOT = Path(__file__).parents[1]
RECIPES = [
    path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "recipes").glob("**/*.toml"))
]
EXPERIMENTS = [path for path in RECIPES if "/base/" not in path]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TRASH_CACHE", str(tmp_path))


@pytest.mark.parametrize("path", EXPERIMENTS)
def test_a_shipped_recipe_passes_the_check(path: str, registry: Registry) -> None:
    project = Project(ROOT)
    loaded = load_recipe(Path(path), project=project)
    assert loaded.recipe.title
    warnings = check_recipe(loaded, registry, project)
    own_normalisation = any("data.mean" in warning for warning in warnings)
    # Hyojin Kim fed ImageNet's weights with the data's own figures; one recipe starts from another's.
    of_imagenet = loaded.recipe.train.start is None
    assert own_normalisation == ("/hyojin_kim/" in path and of_imagenet)


@pytest.mark.parametrize("path", RECIPES)
def test_a_shipped_recipe_says_what_it_is(path: str) -> None:
    first, *rest = (ROOT / path).read_text().splitlines()
    assert first.startswith("# "), "a comment first: what, who, how to run"
    if path in EXPERIMENTS:
        assert f"# Run:  trash recipe run {path}" in rest


@pytest.mark.parametrize("path", EXPERIMENTS)
def test_a_shipped_recipe_runs_from_data_to_score(
    path: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = {folder: _entries(ROOT / folder) for folder in ("runs", "submissions")}
    assert run(["recipe", "run", path, "--smoke", "--json", *_lighter(path)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["submission"]["rows"] == 2
    assert 0 <= result["submission"]["score"]["mean_iou"] <= 1
    assert before == {folder: _entries(ROOT / folder) for folder in before}
    left = {path.name.split("-")[0] for path in (tmp_path / "smoke").iterdir()}
    assert left == {"data"}  # data-…: with the classes of the recipe's own data


@pytest.mark.parametrize("path", EXPERIMENTS)
def test_objects_are_pasted_into_pseudo_labelled_images_only_where_the_recipe_lists_it(
    path: str, registry: Registry
) -> None:
    recipe = _recipe(path)
    if recipe.pseudo is None:
        return

    def no_objects() -> NoReturn:
        raise UsageError("it asks for objects")

    context = Context(tuple("abcdefghijkl"), recipe.data.image_size, objects=no_objects)

    def pastes(step: ComponentSpec) -> bool:
        try:
            registry.build("augmentation", step, context)
        except UsageError as error:
            return error.message == "it asks for objects"
        return False

    own = recipe.pseudo.augment
    if own is not None:
        assert not any(map(pastes, own)), "no original is known to have done so"
    else:
        kept = [step.name for step in recipe.augment.steps if not pastes(step)]
        built = pseudo_pipeline(recipe, registry, context)
        assert [step.name for step in built.steps] == kept


WHOLE_CHAINS = {"recipes/hrnet_ocr_pseudo.toml", "recipes/unetpp_pseudo.toml"}
"""Recipes that are tried with all their real teachers."""


@cache
def _recipe(path: str) -> Recipe:
    return load_recipe(Path(path), project=Project(ROOT)).recipe


def _lighter(path: str) -> list[str]:
    """Return what spares a trial the networks that another recipe's trial has."""
    if path in WHOLE_CHAINS:
        return []
    light = []
    recipe = _recipe(path)
    if recipe.pseudo is not None and recipe.pseudo.teachers:
        light += ["--set", 'pseudo.teachers=["demo.toml"]']
    if recipe.train.start is not None:
        # Only a network of the same design can be started from: the recipe without its teachers.
        light += ["--unset", "train.start"]
    if recipe.members:
        light += ["--set", 'members=["demo.toml@none"]']
    if _first_with_its_network(path) != path:
        light += [word for value in _small(recipe.model) for word in ("--set", f"model.{value}")]
    return light


def _first_with_its_network(path: str) -> str:
    """Return the first recipe with the same network, which is tried as it is."""
    return next(each for each in EXPERIMENTS if _recipe(each).model == _recipe(path).model)


def _small(model: ComponentSpec) -> list[str]:
    """Return the parameters of the smallest network of the same design."""
    if model.name.startswith("hrnet"):
        return ["width=18", "ocr_channels=64", "key_channels=32"]
    if "encoder" in model.parameters:
        return ['encoder="tu-mobilenetv3_small_100"', 'weights="none"']
    return []


@pytest.mark.parametrize("path", sorted(WHOLE_CHAINS))
def test_the_winners_are_tried_with_all_their_stages(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", path, "--smoke", "--plan", "--json"]) == 0
    stages = [stage["what"] for stage in json.loads(capsys.readouterr().out)]
    assert stages[0] == "train hrnet_seg_v16"
    assert stages[-1] == f"train {Path(path).stem}"
    assert len(stages) == (5 if "hrnet" in path else 3)


def _entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
