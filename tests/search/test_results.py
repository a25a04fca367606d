from __future__ import annotations

import numpy as np

from tests.miou import MIOU
from toolkit.plugin.component import ComponentSpec
from toolkit.search.cross_validation import CrossValidatedScore, unfitted
from toolkit.search.results import CombinationResults

MEAN = ComponentSpec(name="mean")


def _scored(right: int) -> CrossValidatedScore:
    """Forty images of two classes with as many right pixels of a hundred each."""
    return unfitted(np.tile([[right, 100 - right], [100 - right, right]], (40, 1, 1)), MIOU)


def test_the_best_set_of_many_is_not_taken_by_the_scores_that_show_it() -> None:
    ways = CombinationResults()
    ways.add("mean of all", (0, 1, 2), MEAN, _scored(60), is_fitted=False)
    ways.add("a + b", (0, 1), MEAN, _scored(90), is_fitted=False, is_choice=True)
    ways.add("best pair", (0, 1), MEAN, _scored(70), is_fitted=True)
    assert ways.best().name == "best pair"


def test_the_simple_mean_wins_ties() -> None:
    ways = CombinationResults()
    ways.add("mean of all", (0, 1), MEAN, _scored(60), is_fitted=False)
    ways.add("geometric of all", (0, 1), MEAN, _scored(60), is_fitted=False)
    assert ways.best().name == "mean of all"
