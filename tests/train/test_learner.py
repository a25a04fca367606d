from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import make_recipe, make_registry, train

from toolkit import Context, TrashError
from toolkit.data.loader import Batch
from toolkit.plugin.interfaces import Normalisation
from toolkit.progress import SilentProgress
from toolkit.train.build import build_learner
from toolkit.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from toolkit.train.distributed import World
from toolkit.train.learner import Learner, NonFiniteLoss

CONTEXT = Context(class_names=("a", "b", "c"), image_size=(16, 16), epochs=2, steps_per_epoch=5)


def _learner(**recipe: Any) -> Learner:
    torch.manual_seed(0)
    return build_learner(
        make_recipe(**recipe), make_registry(), CONTEXT, torch.device("cpu"), World()
    )


def _batch(n: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (n, 3, 16, 16), generator=generator).to(torch.uint8)
    masks = torch.randint(0, 3, (n, 16, 16), generator=generator).to(torch.uint8)
    for number in range(n):
        masks[number, : 4 * number] = 255
    return Batch(images, masks, torch.arange(n))


def _pieces(batch: Batch, size: int) -> list[Batch]:
    return [
        Batch(*(part[first : first + size] for part in batch[:3]))
        for first in range(0, len(batch.images), size)
    ]


def _weights(learner: Learner) -> torch.Tensor:
    return torch.cat([parameter.detach().ravel() for parameter in learner.result.parameters()])


@pytest.mark.parametrize("size", [1, 2])
def test_accumulated_pieces_are_one_batch(size: int) -> None:
    """Also when ignored pixels make the pieces count differently."""
    whole, pieces = _learner(optimizer="sgd", lr=0.3), _learner(optimizer="sgd", lr=0.3)
    batch = _batch()
    for _ in range(3):
        expected = whole.step([batch])
        found = pieces.step(_pieces(batch, size))
        assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    torch.testing.assert_close(_weights(pieces), _weights(whole), rtol=0, atol=1e-5)


def test_a_batch_without_a_counted_pixel_teaches_nothing() -> None:
    learner = _learner()
    batch = _batch()
    batch.masks.fill_(255)
    assert learner.step([batch]).loss == 0


def test_the_schedule_moves_after_every_step() -> None:
    learner = _learner(lr=0.04)
    rates = []
    for _ in range(3):
        rates.append(learner.learning_rate)
        learner.step([_batch()])
    assert rates == pytest.approx([0.04 / (1 + 3 * step / 10) for step in range(3)])


def test_the_gradient_is_clipped_and_its_norm_reported() -> None:
    free, clipped = _learner(), _learner(clip_norm=1e-3)
    assert free.step([_batch()]).gradient_norm is None
    norm = clipped.step([_batch()]).gradient_norm
    assert norm is not None
    assert norm > 1e-3
    left = [parameter.grad for parameter in clipped.result.parameters()]
    assert torch.cat([grad.ravel() for grad in left]).norm() == pytest.approx(1e-3, rel=1e-3)


def test_a_loss_that_is_no_number_changes_no_weight_and_names_the_samples() -> None:
    learner = _learner(loss={"explode_at": 2})
    before = _weights(learner)
    with pytest.raises(NonFiniteLoss) as caught:
        learner.step(_pieces(_batch(), 2))
    assert caught.value.suspects == [2, 3]
    assert torch.equal(_weights(learner), before)


def test_the_moving_average_is_what_counts() -> None:
    learner = _learner(ema=0.99)
    start = _weights(learner)
    learner.step([_batch()])
    plain = _learner()
    plain.step([_batch()])
    decay = 2 / 11
    expected = decay * start + (1 - decay) * _weights(plain)
    torch.testing.assert_close(_weights(learner), expected, rtol=1e-5, atol=1e-7)


def test_an_auxiliary_output_is_trained_unless_its_weight_is_zero() -> None:
    for settings, trained in (({}, True), ({"aux": {"weight": 0.0}}, False)):
        learner = _learner(model={"auxiliary": True}, auxiliary=settings)
        before = learner.result.state_dict()["auxiliary.weight"].clone()
        learner.step([_batch()])
        after = learner.result.state_dict()["auxiliary.weight"]
        assert torch.equal(after, before) is not trained


def test_a_mixed_batch_has_the_shared_loss_of_both_labels() -> None:
    batch = _batch()
    other = _batch().masks.flip(0)
    losses = [_learner().step([batch._replace(masks=m)]).loss for m in (batch.masks, other)]
    mixed = batch._replace(second_masks=other, share=0.3)
    assert _learner().step([mixed]).loss == pytest.approx(0.3 * losses[0] + 0.7 * losses[1])


def test_an_optimizer_with_two_sets_of_weights_is_switched() -> None:
    learner = _learner()
    calls: list[str] = []
    learner._optimizer.train = lambda: calls.append("train")  # type: ignore[attr-defined]
    learner._optimizer.eval = lambda: calls.append("eval")  # type: ignore[attr-defined]
    learner.begin_epoch()
    learner.step([_batch()])
    learner.end_epoch()
    assert calls == ["train", "eval"]


def test_a_schedule_that_listens_hears_of_validations() -> None:
    learner = _learner()
    learner.validated(1.0, 0.5)  # a schedule that does not listen
    heard: list[tuple[float, float]] = []
    learner._scheduler.validated = lambda loss, mean_iou: heard.append((loss, mean_iou))
    learner.validated(0.25, 0.75)
    assert heard == [(0.25, 0.75)]


def test_a_wrong_output_is_found_before_the_first_epoch() -> None:
    registry = make_registry()
    entry = registry.find("model", "tiny")
    object.__setattr__(
        entry.component, "factory", lambda context: torch.nn.Conv2d(3, 5, 3, stride=2)
    )
    with pytest.raises(TrashError, match=r"model tiny returned logits of shape \(1, 5, 7, 7\)"):
        build_learner(make_recipe(), registry, CONTEXT, torch.device("cpu"), World())


def test_bf16_trains_close_to_fp32(tiny_root: Path, tmp_path: Path) -> None:
    losses = {}
    for precision in ("fp32", "bf16"):
        result = train(tiny_root, tmp_path / precision, make_recipe(precision=precision))
        losses[precision] = result.scores["train_loss"]
        assert load_checkpoint(result.best).model_state["body.weight"].dtype == torch.float32
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.02)


class Heard(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.parametrize("pretrained", [False, True])
def test_a_run_says_that_the_weights_want_another_normalisation(
    pretrained: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, heard = make_registry(), Heard()
    model = registry.find("model", make_recipe().model.name).component.factory(CONTEXT)
    halves = (0.5, 0.5, 0.5)
    model.normalisation = Normalisation(halves, halves)
    build = registry.build

    def built(kind: str, *arguments: Any) -> Any:
        return model if kind == "model" else build(kind, *arguments)

    monkeypatch.setattr(registry, "build", built)
    context = replace(CONTEXT, pretrained=pretrained)
    build_learner(make_recipe(), registry, context, torch.device("cpu"), World(), progress=heard)
    assert [line.startswith("warning: data.mean = [") for line in heard.lines] == [
        True
    ] * pretrained


@pytest.mark.parametrize("same", [True, False])
def test_a_start_with_another_normalisation_is_told(same: bool, tmp_path: Path) -> None:
    recipe, heard = make_recipe(), Heard()
    model = make_registry().build("model", recipe.model, CONTEXT)
    mean = recipe.data.mean if same else (0.5, 0.5, 0.5)
    save_checkpoint(
        tmp_path / "start.pt",
        Checkpoint(
            model_state=model.state_dict(),
            recipe=recipe.model_dump(mode="json"),
            class_names=CONTEXT.class_names,
            image_size=(16, 16),
            mean=mean,
            std=recipe.data.std,
            scores={},
            epoch=1,
        ),
    )
    start = tmp_path / "start.pt"
    build_learner(recipe, make_registry(), CONTEXT, torch.device("cpu"), World(), start, heard)
    assert [line for line in heard.lines if "set data.mean = [0.5, 0.5, 0.5]" in line] == (
        [] if same else heard.lines
    )
    assert len(heard.lines) == (not same)
