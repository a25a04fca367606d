from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from toolkit.plugin.component import ComponentSpec
from toolkit.recipe.schema import Recipe
from toolkit.recipe.smoke import SmokeRun, smoke_values


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_cpu_tries_a_recipe_in_fp32_and_a_gpu_as_it_is(precision: Any) -> None:
    recipe = Recipe(
        model=ComponentSpec(name="unet"),
        loss=ComponentSpec(name="ce"),
        optimizer=ComponentSpec(name="adam"),
    )
    train = recipe.train.model_copy(update={"precision": precision})
    recipe = recipe.model_copy(update={"train": train})
    on_cpu, on_gpu = (
        smoke_values(recipe, SmokeRun(Path("cache"), None, lambda _: False, on_cpu))
        for on_cpu in (True, False)
    )
    assert on_cpu["train"]["precision"] == "fp32"
    assert on_gpu["train"]["precision"] == precision
