"""Every shipped recipe is right. That each runs is in test_recipes_run.py."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

from tests.shipped_recipes import FILES, RECIPES, ROOT, STUDIES, VARIANTS
from toolkit.errors import UsageError
from toolkit.experiment.planning.check import check_recipe
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe
from toolkit.train.batches import pseudo_pipeline
from toolkit.workspace import Workspace

EXPERIMENTS = [*RECIPES, *VARIANTS]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TRASH_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The built-in components and the plugins that are shipped, as in a clone."""
    return load_registry(Project(ROOT))


@pytest.mark.parametrize("path", EXPERIMENTS)
def test_a_shipped_recipe_passes_the_check(path: str, registry: Registry) -> None:
    project = Project(ROOT)
    loaded = load_recipe(Path(path), project=project)
    assert loaded.recipe.title
    warnings = check_recipe(Workspace(project, registry, SilentProgress()), loaded)
    own_normalisation = any("data.mean" in warning for warning in warnings)
    # Hyojin Kim fed ImageNet's weights with the data's own figures; one recipe starts from those
    # of another.
    of_imagenet = loaded.recipe.train.start is None
    assert own_normalisation == ("/hyojin_kim/" in path and of_imagenet)


@pytest.mark.parametrize("path", FILES)
def test_a_shipped_recipe_says_what_it_is(path: str) -> None:
    first, *rest = (ROOT / path).read_text().splitlines()
    assert first.startswith("# "), "a comment first: what, who, how to run"
    if path in RECIPES:
        assert f"# Run:  trash recipe run {path}" in rest
    if path in STUDIES:
        assert f"# Run:  trash study run {path}" in rest


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


@cache
def _recipe(path: str) -> Recipe:
    return load_recipe(Path(path), project=Project(ROOT)).recipe
