"""Which values differ between two recipes, and where they were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.difference import ValueDifference, furthest_effect, value_differences
from toolkit.recipe.load import load_recipe

BASE = """\
title = "Base"
[data]
val = "val.json"
[model]
name = "unet"
encoder = "resnet18"
weights = "none"
[loss]
name = "ce"
[[augment.train]]
name = "hflip"
[[augment.train]]
name = "vflip"
p = 0.3
"""


@pytest.fixture
def recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "a.toml").write_text(BASE)
    return folder


def differences(recipes: Path, registry: Registry, text: str) -> list[ValueDifference]:
    """Compare the base with this recipe, in both directions."""
    (recipes / "b.toml").write_text(text)
    a, b = (load_recipe(Path(name), project=Project(recipes.parent)) for name in "ab")
    there, back = value_differences(a, b, registry), value_differences(b, a, registry)
    assert len(there) == len(back)
    assert furthest_effect(there) == furthest_effect(back)
    assert {(each.first, each.second) for each in there} == {
        (each.second, each.first) for each in back
    }
    return there


def rows(found: list[ValueDifference]) -> list[tuple[str, str | None, str | None]]:
    return [(each.key, each.first, each.second) for each in found]


def test_values_have_their_places_in_the_order_of_the_schema(
    recipes: Path, registry: Registry
) -> None:
    found = differences(
        recipes,
        registry,
        'extends = "a.toml"\ntitle = "Mine"\n[predict]\nviews = "hflip"\n[train]\nepochs = 3\n'
        "[data]\nworkers = 1\n",
    )
    assert found == [
        ValueDifference(
            "title", '"Base"', '"Mine"', "nothing", "recipes/a.toml:1", "recipes/b.toml:2"
        ),
        ValueDifference("data.workers", "4", "1", "nothing", "default", "recipes/b.toml:8"),
        ValueDifference("train.epochs", "20", "3", "training", "default", "recipes/b.toml:6"),
        ValueDifference(
            "predict.views", '"none"', '"hflip"', "prediction", "default", "recipes/b.toml:4"
        ),
    ]
    assert furthest_effect(found) == "training"
    assert furthest_effect(found[3:]) == "prediction"
    assert furthest_effect(found[:2]) == "nothing"


def test_what_is_written_as_its_default_is_no_difference(recipes: Path, registry: Registry) -> None:
    found = differences(
        recipes, registry, 'extends = "a.toml"\n[loss]\nlabel_smoothing = 0.0\n[train]\nema = 0.0\n'
    )
    assert found == []
    assert furthest_effect(found) is None


def test_a_component_is_a_name_with_parameters(recipes: Path, registry: Registry) -> None:
    same = differences(recipes, registry, 'extends = "a.toml"\n[model]\nencoder = "resnet34"\n')
    assert rows(same) == [("model.encoder", '"resnet18"', '"resnet34"')]
    (other,) = differences(
        recipes, registry, 'extends = "a.toml"\n[loss]\nname = "focal"\ngamma = 3.0\n'
    )
    assert other.key == "loss"
    assert other.first is not None
    assert other.first.startswith('{ name = "ce", ')
    assert "label_smoothing = 0.0" in other.first  # of a default, too
    assert other.second is not None
    assert "gamma = 3.0" in other.second
    assert (other.first_origin, other.second_origin) == ("recipes/a.toml:9", "recipes/b.toml:3")


def test_a_step_that_is_put_in_moves_no_other(recipes: Path, registry: Registry) -> None:
    steps = '[[augment.train]]\nname = "{}"\np = {}\n'
    text = 'extends = "a.toml"\n' + "".join(
        steps.format(name, p) for name, p in [("hflip", 0.5), ("rotate90", 0.5), ("vflip", 0.2)]
    )
    found = differences(recipes, registry, text)
    assert rows(found) == [
        ("augment.train.1", None, '{ name = "rotate90", p = 0.5 }'),
        ("augment.train.1.p", "0.3", "0.2"),
    ]
    assert [each.second_origin for each in found] == ["recipes/b.toml:6", "recipes/b.toml:10"]
    assert found[0].first_origin is None


def test_a_table_that_one_lacks_is_told_key_by_key(recipes: Path, registry: Registry) -> None:
    found = differences(recipes, registry, 'extends = "a.toml"\n[pseudo]\nsoft = true\n')
    assert ("pseudo.soft", None, "true") in rows(found)
    assert ("pseudo.ensemble", None, '{ name = "mean", weights = [] }') in rows(found)
    assert {each.second_origin for each in found} == {"recipes/b.toml:3", "default"}
    assert {each.changes for each in found} == {"pseudo-labels", "training"}
