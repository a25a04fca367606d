from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from tiny_training import make_recipe, open_tiny

from toolkit import ComponentSpec
from toolkit.recipe.schema import Augment, Data, Pseudo, Recipe
from toolkit.recipe.training_images import NativeCrops
from toolkit.train.inputs import training_inputs, training_key


@pytest.fixture
def key_of(tiny_root: Path) -> Any:
    recipe = make_recipe()
    contest = open_tiny(tiny_root, recipe)

    def key_of(keys: dict[str, str] | None = None, **changes: Any) -> str:
        changed = recipe.model_copy(update=changes)
        return training_key(training_inputs(changed, contest, keys or {}), {})

    key_of.recipe = recipe  # type: ignore[attr-defined]
    return key_of


def test_what_comes_after_a_training_does_not_change_its_key(key_of: Any) -> None:
    recipe: Recipe = key_of.recipe
    after = {
        "title": "Another",
        "members": ("other.toml",),
        "predict": recipe.predict.model_copy(update={"views": "hflip"}),
        "train": recipe.train.model_copy(update={"device": "cpu", "device_batch_size": 1}),
        "postprocess": (ComponentSpec(name="smooth"),),
    }
    for name, value in after.items():
        assert key_of(**{name: value}) == key_of(), name


def test_what_decides_the_weights_changes_the_key(key_of: Any) -> None:
    recipe: Recipe = key_of.recipe
    before = {
        "seed": 7,
        "train": recipe.train.model_copy(update={"epochs": 99}),
        "loss": ComponentSpec(name="dice"),
        "augment": Augment(first=(ComponentSpec(name="hflip"),)),
        "data": recipe.data.model_copy(update={"image_size": (8, 8)}),
        "pseudo": Pseudo(mix="concat"),
    }
    found = {name: key_of(**{name: value}) for name, value in before.items()}
    assert len({key_of(), *found.values()}) == 1 + len(before)


def test_sampling_and_crops_make_other_trainings_but_uniform_is_the_default(key_of: Any) -> None:
    def with_sampling(**sampling: Any) -> Any:
        values = key_of.recipe.data.model_dump()
        return key_of(data=Data.model_validate({**values, "sampling": sampling}))

    assert with_sampling(by="uniform") == key_of()
    others = [
        with_sampling(by="balanced"),
        with_sampling(by="repeat-factor"),
        with_sampling(by="repeat-factor", threshold=0.1),
        with_sampling(by="weights", file="w.csv"),
    ]
    assert len({key_of(), *others}) == 5
    crops = key_of.recipe.data.model_copy(update={"crops": NativeCrops()})
    assert key_of(data=crops) not in (key_of(), *others)
    # The file counts by its content, wherever it lies.
    assert with_sampling(by="weights", file="elsewhere/w.csv") == others[-1]


def test_earlier_stages_count_by_their_keys_and_not_by_their_names(key_of: Any) -> None:
    one, other = Pseudo(teachers=("a.toml",), rounds=2), Pseudo(teachers=("b.toml",))
    assert key_of({"pseudo-labels": "x"}, pseudo=one) == key_of(
        {"pseudo-labels": "x"}, pseudo=other
    )
    assert key_of({"pseudo-labels": "x"}, pseudo=one) != key_of({"pseudo-labels": "y"}, pseudo=one)
    assert key_of({"start": "x"}) != key_of()


def test_a_key_that_is_not_set_decides_nothing(tiny_root: Path) -> None:
    recipe = make_recipe()
    inputs = training_inputs(recipe, open_tiny(tiny_root, recipe), {})
    later = {**inputs, "new_table": {"list": [], "value": None}}
    assert training_key(later, {}) == training_key(inputs, {})
    assert training_key({**inputs, "new_table": {"value": 1}}, {}) != training_key(inputs, {})


def test_the_code_of_plugins_decides_too(tiny_root: Path) -> None:
    recipe = make_recipe()
    inputs = training_inputs(recipe, open_tiny(tiny_root, recipe), {})
    assert training_key(inputs, {"mine": "a"}) != training_key(inputs, {"mine": "b"})


def test_another_rule_of_resizing_makes_another_training(key_of: Any) -> None:
    """Runs whose masks lay beside their photos are not found again."""
    with patch("toolkit.train.inputs.RESIZING", 1):
        before = key_of()
    assert before != key_of()


def test_unset_channels_and_values_leave_keys_as_they_were(key_of: Any) -> None:
    recipe: Recipe = key_of.recipe
    plain = recipe.model_dump(mode="json")
    before = {**plain, "data": dict(plain["data"])}
    for name in ("channels", "value_range"):
        assert before["data"].pop(name) is None
    assert training_key(plain, {}) == training_key(before, {})
    for change in ({"channels": 4}, {"channels": 3}, {"value_range": (0.0, 9.0)}):
        changed = recipe.data.model_copy(update=change)
        assert key_of(data=changed) != key_of(), change


def test_each_number_of_channels_has_its_own_normalisation() -> None:
    assert Data(channels=3).mean == Data().mean == (0.485, 0.456, 0.406)
    assert Data(channels=2).mean == (0.5, 0.5)
    assert Data(channels=2).std == (0.25, 0.25)
    assert Data(channels=2, mean=(0.1, 0.2)).mean == (0.1, 0.2)
