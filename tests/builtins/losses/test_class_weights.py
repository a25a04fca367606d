from __future__ import annotations

from dataclasses import replace

import pytest

from toolkit import ComponentSpec, Context, TrashError, UsageError
from toolkit.builtins.losses.class_weights import resolve_weights

WEIGHTED = [
    "ce",
    "bce",
    "focal",
    "topk_ce",
    "ohem_ce",
    "distance_ce",
    "dice_ce",
    "focal_ce",
    "oh_my",
    "oh_my_focal",
    "amazing_ce",
]


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_of_another_length_are_refused(name: str, bench) -> None:
    with pytest.raises(UsageError, match="2 class weights for 4 classes") as raised:
        bench.make(name, class_weights=[1.0, 2.0])
    assert "Background, Paper, Glass, Metal" in raised.value.hint
    assert raised.value.parameter == "class_weights"


def test_weights_that_are_all_zero_are_refused(bench) -> None:
    with pytest.raises(UsageError, match="all class weights are 0") as raised:
        bench.make("ce", class_weights=[0.0] * 4)
    assert raised.value.parameter == "class_weights"


@pytest.mark.parametrize(
    ("rule", "what"),
    [("1-share", "pixel shares"), ("inverse", "pixel shares"), ("effective", "image counts")],
)
def test_a_rule_without_its_figures_is_refused(rule: str, what: str, bench) -> None:
    spec = ComponentSpec(name="ce", class_weights=rule)
    with pytest.raises(TrashError, match=what) as raised:
        bench.registry.build("loss", spec, Context(bench.context.class_names))
    assert raised.value.parameter == "class_weights"


def test_effective_weights_average_one_over_the_classes_that_are_there(bench) -> None:
    weights = resolve_weights("effective", bench.context)
    assert weights is not None
    assert weights[3] == 0
    assert sum(weights) / 3 == pytest.approx(1)
    # (1 - .999^20) / (1 - .999^1000): how much more 1000 images tell than 20.
    assert weights[2] / weights[0] == pytest.approx(0.63230 / 0.01981, rel=1e-3)


def test_effective_weights_of_equal_counts_are_equal(bench) -> None:
    context = replace(bench.context, image_counts=(7, 7, 7, 7))
    assert resolve_weights("effective", context) == pytest.approx([1, 1, 1, 1])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"class_weights": "one"}, "class_weights"),
        ({"class_weights": [1, 1, 1, -1]}, "class_weights"),
        ({"label_smoothing": 1.5}, "label_smoothing"),
        ({"smoothing": 0.1}, "unknown key"),
    ],
)
def test_wrong_parameters_are_refused(parameters: dict[str, object], message: str, bench) -> None:
    with pytest.raises(UsageError, match=message):
        bench.make("ce", **parameters)
