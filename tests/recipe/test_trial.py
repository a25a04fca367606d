from __future__ import annotations

from typing import Any

import pytest

from toolkit import UsageError
from toolkit.recipe.schema import Recipe
from toolkit.recipe.trial import Trial, chosen_trial, trial_values

LIMIT = Trial("limit", 8)


@pytest.fixture
def recipe() -> Recipe:
    return Recipe.model_validate(
        {
            "model": {"name": "unet"},
            "loss": {"name": "ce"},
            "data": {"sample_submission": "sample.csv"},
            "trackers": ({"name": "csv"},),
        }
    )


def test_a_limited_run_has_one_epoch_and_tells_no_tracker(recipe: Recipe) -> None:
    values = trial_values(recipe, LIMIT, ())
    assert values["train"] == {"epochs": 1, "validate_every": 1}
    assert values["trackers"] == []
    assert values["data"] == {"sample_submission": None}
    assert "pseudo" not in values


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("train.epochs=4", {"validate_every": 1}),
        ("train={epochs=4}", None),
        ("data.root=x", {"epochs": 1, "validate_every": 1}),
    ],
)
def test_what_set_says_stays(recipe: Recipe, text: str, kept: Any) -> None:
    assert trial_values(recipe, LIMIT, (text,)).get("train") == kept


def test_one_trial_at_a_time() -> None:
    assert chosen_trial(smoke=False, limit=None, overfit=None) is None
    assert chosen_trial(smoke=False, limit=8, overfit=None) == LIMIT
    assert (LIMIT.option, Trial("smoke").option) == ("--limit 8", "--smoke")
    with pytest.raises(UsageError, match="--smoke and --limit are different trials"):
        chosen_trial(smoke=True, limit=8, overfit=None)
