from __future__ import annotations

import math

import pytest
import torch
from tiny_training import make_recipe, make_registry

from toolkit import Context, UsageError
from toolkit.train.criterion import Criterion, PresenceLoss, build_criterion

CONTEXT = Context(class_names=("a", "b", "c"), image_size=(4, 6))
MAPS, IMAGES = (1, 3, 4, 6), (1, 3)


def _criterion(auxiliary: dict | None = None, **shapes: tuple[int, ...]) -> Criterion:
    recipe = make_recipe(auxiliary=auxiliary, loss={"weight": 2.0})
    shapes = {"main": MAPS, **shapes}
    return build_criterion(recipe, make_registry(), CONTEXT, shapes, torch.device("cpu"))


def _output(*names: str) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    sizes = {"presence": (2, 3)}
    return {name: torch.randn(sizes.get(name, (2, 3, 4, 6)), generator=generator) for name in names}


def _target() -> torch.Tensor:
    target = torch.randint(0, 3, (2, 4, 6), generator=torch.Generator().manual_seed(1))
    target[0, 0] = 255
    return target


def _cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> float:
    return float(torch.nn.functional.cross_entropy(logits, target, ignore_index=255))


def test_outputs_add_up_with_their_weights() -> None:
    output, target = _output("main", "aux"), _target()
    main, aux = (_cross_entropy(output[name], target) for name in ("main", "aux"))
    # The main loss is the default of a map, its own factor included, times 0.4.
    assert _criterion(aux=MAPS)(output, target).item() == pytest.approx(2 * main + 0.8 * aux)
    own = {"aux": {"weight": 0.1, "loss": {"name": "cross_entropy"}}}
    assert _criterion(own, aux=MAPS)(output, target).item() == pytest.approx(2 * main + 0.1 * aux)
    none = {"aux": {"weight": 0.0}}
    assert _criterion(none, aux=MAPS)(output, target).item() == pytest.approx(2 * main)


def test_validation_measures_the_main_loss_alone() -> None:
    output, target = _output("main", "aux"), _target()
    measured = _criterion(aux=MAPS).main(output["main"], target).item()
    assert measured == pytest.approx(2 * _cross_entropy(output["main"], target))


def test_presence_is_the_cross_entropy_of_what_an_image_shows() -> None:
    target = _target()
    target[1] = 2
    logits = _output("presence")["presence"].double().requires_grad_()
    loss = PresenceLoss(255)(logits, target)
    expected = 0.0
    for image in range(2):
        shown = set(target[image].ravel().tolist()) - {255}
        for label in range(3):
            p = 1 / (1 + math.exp(-logits[image, label].item()))
            expected -= math.log(p if label in shown else 1 - p)
    assert loss.item() == pytest.approx(expected / 6)
    assert torch.autograd.gradcheck(lambda x: PresenceLoss(255)(x, target), logits)


def test_an_image_without_a_counted_pixel_says_nothing_of_presence() -> None:
    target = _target()
    logits = _output("presence")["presence"]
    alone = PresenceLoss(255)(logits[:1], target[:1])
    target[1] = 255
    assert PresenceLoss(255)(logits, target).item() == pytest.approx(alone.item())
    target[0] = 255
    assert PresenceLoss(255)(logits, target).item() == 0


@pytest.mark.parametrize(
    ("auxiliary", "message", "hint"),
    [
        ({"auxx": {}}, "no output called auxx", "Did you mean aux?"),
        ({"main": {}}, "the main output is trained by [loss]", "loss.weight"),
        (
            {"presence": {"loss": {"name": "cross_entropy"}}},
            "one value per image and class",
            "Leave out auxiliary.presence.loss",
        ),
    ],
)
def test_settings_that_do_not_fit_the_outputs_are_refused(
    auxiliary: dict, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _criterion(auxiliary, aux=MAPS, presence=IMAGES)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.parameter.startswith("auxiliary.")
