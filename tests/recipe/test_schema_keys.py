"""Every key of the recipe says what it changes, and the rest of the program takes it from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.scaffold import _OVERRIDES
from toolkit.recipe.assignment import parse_assignment
from toolkit.recipe.data_tables import Demo
from toolkit.recipe.schema import Recipe
from toolkit.recipe.schema_keys import SCHEMA_KEYS, effect_of, values_at
from toolkit.recipe.smoke import SmokeRun, demo_data
from toolkit.train.inputs import decides_weights, may_differ


def test_every_key_says_what_it_changes() -> None:
    unmarked = [".".join(key.path) for key in SCHEMA_KEYS if not key.table and not key.effect]
    assert not unmarked, 'mark them: Annotated[…, Effect("training")], see toolkit/recipe/effect.py'


def test_every_key_that_holds_components_says_of_which_kind() -> None:
    for key in SCHEMA_KEYS:
        table: Any = Recipe
        for name in key.path[:-1]:
            table = table.model_fields[name].annotation if name != "*" else table
            table = next((part for part in get_args(table) if hasattr(part, "model_fields")), table)
        annotation = table.model_fields[key.path[-1]].annotation
        assert (ComponentSpec in _parts(annotation)) == (key.kind in KINDS), key.path


def _parts(annotation: Any) -> set[Any]:
    return {annotation}.union(*map(_parts, get_args(annotation)))


def test_a_new_plugin_is_put_where_the_schema_has_its_kind() -> None:
    kind_of = {key.path: key.kind for key in SCHEMA_KEYS}
    for kind, override in _OVERRIDES.items():
        path, _, value = parse_assignment(override.format("mine"))
        place = path[:-1] if path[-1] == "name" else path
        assert kind_of[place] == kind or (kind, place) == ("view", ("predict", "views"))
        assert value in ("mine", {"name": "mine"})


@pytest.mark.parametrize(
    ("key", "decides", "differs"),
    [
        ("train.epochs", True, True),
        ("train.batch_size", True, False),
        ("train.device", False, True),
        ("model.encoder", True, False),
        ("auxiliary.edges.weight", True, False),
        ("pseudo.augment", True, False),
        ("pseudo.ensemble.name", False, True),
        ("data.demo.seed", False, True),
        ("data.folds.index", True, False),
        # Keys that another version had: those of a table count as the table does.
        ("predict.formerly", False, True),
        ("train.formerly", True, False),
        # No keys at all, but inputs that count by their digests.
        ("content of data/weights.pt", True, False),
        ("resizing", True, False),
    ],
)
def test_what_counts_for_a_training_and_what_may_differ_on_resume(
    key: str, decides: bool, differs: bool
) -> None:
    assert (decides_weights(key), may_differ(key)) == (decides, differs)


def test_what_a_component_changes_holds_for_its_parameters() -> None:
    for path in (("postprocess", 0, "sigma"), ("member_postprocess",), ("submission", "size")):
        effect = effect_of(path)
        assert effect is not None
        assert effect.on == "submission"
    assert effect_of(("absent", "key")) is None


def test_values_are_found_in_a_recipe_and_in_what_it_is_made_from() -> None:
    written = {
        "model": {"name": "unet"},
        "loss": {"name": "ce"},
        "auxiliary": {"edges": {"loss": {"name": "bce"}}},
    }
    recipe = Recipe.model_validate(written)
    path = ("auxiliary", "*", "loss")
    assert list(values_at(recipe, path)) == [
        (("auxiliary", "edges", "loss"), ComponentSpec(name="bce"))
    ]
    assert list(values_at(written, path)) == [(("auxiliary", "edges", "loss"), {"name": "bce"})]
    assert not list(values_at(written, ("pseudo", "select")))
    assert not list(values_at({"pseudo": 3}, ("pseudo", "select")))


def test_a_smoke_run_says_all_about_its_demo_data() -> None:
    run = SmokeRun(Path("cache"), None, lambda _: False, on_cpu=True)
    assert demo_data(None, run).keys() == Demo.model_fields.keys()
