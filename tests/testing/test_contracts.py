"""Every registered component keeps its contract, and contracts find broken components."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.testing.contract_pieces import assert_finds, registry_with
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.kinds import KINDS
from toolkit.testing import check_component
from toolkit.testing.contract import CONTEXT, rules_of

REGISTRY = load_registry(None)
ENTRIES = [
    # Components with a package of their own are all trackers: pytest -m trackers.
    pytest.param(
        entry.kind, entry.name, marks=[pytest.mark.trackers][: bool(entry.component.package)]
    )
    for entry in REGISTRY.entries()
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_contract(kind: str) -> None:
    rules = rules_of(kind)
    assert rules
    assert all(rule.__doc__ for rule in rules)


@pytest.mark.parametrize(("kind", "name"), ENTRIES)
def test_every_component_keeps_its_contract(kind: str, name: str, tmp_path: Path) -> None:
    parameters: dict[str, object] = {}
    if name == "file_list":
        (tmp_path / "list.txt").write_text("test/0001.jpg\n")
        parameters["file"] = str(tmp_path / "list.txt")
    if name == "stacking":  # numbers that would be fitted to the contract's members
        classes = CONTEXT.n_classes
        parameters |= {"weights": [[0.4] * classes] * 3, "bias": [0.0] * classes}
    if name.startswith("hrnet_ocr"):  # the same layers, narrower: the wide ones are slow
        parameters |= {"width": 18, "ocr_channels": 64, "key_channels": 32}
    check_component(kind, name, REGISTRY, **parameters)


# Losses.


def _cross_entropy(logits, target, **options):
    options = {"ignore_index": 255, **options}
    return torch.nn.functional.cross_entropy(logits.float(), target, **options)


def _guarded(logits, target):
    counted = (target != 255).sum().clamp(min=1)
    return _cross_entropy(logits, target, reduction="sum") / counted


LOSSES = {
    "Returns one finite number, with and without ignored pixels": [
        lambda x, t: _cross_entropy(x, t, reduction="none"),
        lambda x, t: x.mean() / 0,
    ],
    "Sends a finite gradient to the logits": [
        lambda x, t: _guarded(x, t).detach(),
        lambda x, t: _guarded(x.detach(), t) + 0 * x.sum(),
        lambda x, t: (x.argmax(1) != t).float().mean(),
    ],
    "Is lower for logits that agree with the target than for those that do not": [
        lambda x, t: -_guarded(x, t)
    ],
    "Ignored pixels change neither the value nor the gradient": [
        lambda x, t: _guarded(x, t.clamp(max=3)),
        lambda x, t: _guarded(x, t) + x.softmax(1)[:, 0].mean(),
    ],
    "Is exactly 0, with gradient 0, when every pixel is ignored": [_cross_entropy],
    "Computes bf16 and fp16 logits in float32, also under autocast": [
        lambda x, t: _guarded(x, t).to(x.dtype),
        lambda x, t: torch.mm(_guarded(x, t).reshape(1, 1), torch.ones(1, 1))[0, 0],
    ],
    "Is finite for logits that are certain, right or wrong": [
        lambda x, t: _guarded(x.float().softmax(1).log(), t)
    ],
    "Leaves logits and target as they were": [
        lambda x, t: _guarded(x, t.masked_fill_(t == 255, 0)),
    ],
}


@pytest.mark.parametrize(
    ("rule", "loss"), [(rule, loss) for rule, losses in LOSSES.items() for loss in losses]
)
def test_broken_losses_are_found(rule: str, loss: object) -> None:
    assert_finds("loss", lambda context: loss, rule)


def test_a_plain_loss_is_not_broken() -> None:
    def factory(context):
        def loss(logits, target):
            return _guarded(logits, target.masked_fill(target == context.ignore_index, 255))

        return loss

    check_component("loss", "broken", registry_with("loss", factory))


# Models.


class Probabilities(torch.nn.Conv2d):
    def forward(self, x):
        return super().forward(x).softmax(1)


class Unused(torch.nn.Conv2d):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.extra = torch.nn.Parameter(torch.zeros(1))


class BatchMean(torch.nn.Conv2d):
    def forward(self, x):
        return super().forward(x - x.mean(0))


class Hidden(torch.nn.Conv2d):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.offset = torch.rand(1)

    def forward(self, x):
        return super().forward(x) + self.offset


class Strided(torch.nn.Conv2d):
    def forward(self, x):
        return torch.nn.functional.interpolate(super().forward(x)[..., ::2, ::2], scale_factor=2)


MODELS = {
    "Maps (B, 3, H, W) to finite logits (B, C, H, W), at odd sizes and for one image too": (
        lambda context: Strided(3, context.n_classes, 1)
    ),
    "Has one channel per class of the run": lambda context: torch.nn.Conv2d(3, 4, 1),
    "Returns logits, not probabilities": lambda context: Probabilities(3, context.n_classes, 1),
    "Sends a finite gradient to every parameter, at a batch of two and an odd size": (
        lambda context: Unused(3, context.n_classes, 1)
    ),
    "Gives an image the same logits alone and in a batch, when not training": (
        lambda context: BatchMean(3, context.n_classes, 1)
    ),
    "Gives the same logits after its state is loaded into a fresh network": (
        lambda context: Hidden(3, context.n_classes, 1)
    ),
}


@pytest.mark.parametrize("rule", MODELS)
def test_broken_models_are_found(rule: str) -> None:
    assert_finds("model", MODELS[rule], rule)


class Named(torch.nn.Conv2d):
    def forward(self, x):
        logits = super().forward(x)
        return {"main": logits, "aux": 2 * logits, "presence": logits.mean(dim=(2, 3))}


class Quarter(Named):
    def forward(self, x):
        outputs = super().forward(x)
        return outputs | {"aux": outputs["aux"][..., ::2, ::2]}


def test_a_model_with_named_outputs_is_not_broken() -> None:
    registry = registry_with("model", lambda context: Named(3, context.n_classes, 1))
    check_component("model", "broken", registry)


def test_an_auxiliary_map_of_another_size_is_found() -> None:
    assert_finds(
        "model",
        lambda context: Quarter(3, context.n_classes, 1),
        "Maps (B, 3, H, W) to finite logits (B, C, H, W), at odd sizes and for one image too",
    )
