"""Contracts with the classes, sizes and parameters of a recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workspaces import workspace_in
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.schema import Recipe
from toolkit.testing import examine
from toolkit.testing.from_recipe import recipe_context, recipe_tables


def recipe(**values: object) -> Recipe:
    tables = {"model": {"name": "unet"}, "loss": {"name": "ce"}, **values}
    return Recipe.model_validate(tables, strict=False)


@pytest.mark.parametrize(
    "classes", [("Only",), ("Bags", "Cans"), tuple(f"kind {number}" for number in range(1, 31))]
)
def test_the_context_is_that_of_the_recipe(
    classes: tuple[str, ...], registry: Registry, tmp_path: Path
) -> None:
    data = {"classes": classes, "image_size": [32, 48], "ignore_index": 200}
    context, warning = recipe_context(workspace_in(Project(tmp_path)), recipe(data=data))
    assert warning == ""
    assert context.class_names == ("Background", *classes)
    assert (context.image_size, context.ignore_index) == ((32, 48), 200)
    assert context.pixel_share is not None
    assert context.image_counts is not None
    assert sum(context.pixel_share) == pytest.approx(1)
    assert len(context.pixel_share) == len(context.image_counts) == context.n_classes
    assert set(context.objects().labels) <= set(range(1, context.n_classes))
    # The contracts hold for any number of classes, at any size and for any label of ignored pixels.
    for kind, name in (
        *(("loss", "dice_ce"), ("loss", "focal"), ("augmentation", "rotate")),
        *(("augmentation", "object_mix"), ("mix", "cutmix"), ("mix", "mixup"), ("view", "hflip")),
        *(("postprocessor", "smooth"), ("ensembler", "vote"), ("selector", "class_balanced")),
        *(("submission_format", "run_length"), ("optimizer", "sgd"), ("scheduler", "cosine")),
    ):
        report = examine(kind, name, registry, context=context)
        assert report.findings == (), (kind, name)
        assert report.rules, (kind, name)


def test_classes_come_from_the_data_and_the_demos_stand_in(demo_root: Path, tmp_path: Path) -> None:
    context, warning = recipe_context(workspace_in(Project(tmp_path)), recipe(data={"root": "no"}))
    assert str(tmp_path / "no" / "train.json") in warning
    assert context.n_classes == 12
    file = demo_root / "train.json"
    text = file.read_text().replace('"Paper"', '"Papyrus"')
    assert text != file.read_text()
    (tmp_path / "train.json").write_text(text)
    context, warning = recipe_context(workspace_in(Project(tmp_path)), recipe(data={"root": "."}))
    assert warning == ""
    assert "Papyrus" in context.class_names


def test_every_component_of_a_recipe_with_its_table(registry: Registry) -> None:
    terms = [{"name": "ce", "weight": 0.3}, {"name": "dice", "smooth": 0.5}]
    found = recipe_tables(
        recipe(
            loss={"name": "sum", "terms": terms},
            auxiliary={"aux": {"weight": 0.4, "loss": terms[0]}},
            augment={"train": [{"name": "hflip", "p": 0.1}, {"name": "hflip", "p": 0.9}]},
        ),
        registry,
    )
    tables = [(entry.name, table) for entry, table in found]
    assert [table for name, table in tables if name == "hflip"] == [{"p": 0.1}, {"p": 0.9}]
    assert [table for name, table in tables if name == "ce"] == [{"weight": 0.3}]
    assert [table for name, table in tables if name == "dice"] == [{"smooth": 0.5}]
    assert ("unet", {}) in tables
    for entry, table in found:
        spec = ComponentSpec(name=entry.name, **table)  # type: ignore[arg-type]
        assert registry.problems(entry.kind, spec) == []
