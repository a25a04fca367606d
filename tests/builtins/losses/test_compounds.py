from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from toolkit import UsageError
from toolkit.builtins.losses.prediction import SumOfLosses
from toolkit.builtins.losses.region import Tversky
from toolkit.testing import check_component

IGNORED = 255
WEIGHTS = [0.5, 1.0, 2.0, 3.0]

Parts = list[tuple[float, str, dict[str, object]]]
FOCAL: dict[str, object] = {"alpha": 0.5, "gamma": 1.5}

CASES: dict[str, tuple[str, dict[str, object], Parts]] = {
    "dice_ce": ("dice_ce", {}, [(0.7, "ce", {}), (0.3, "dice", {})]),
    "dice_ce full": (
        "ce_dice",
        {
            "dice_weight": 0.25,
            "class_weights": WEIGHTS,
            "label_smoothing": 0.1,
            "smooth": 2.0,
            "legacy": True,
        },
        [
            (0.75, "ce", {"class_weights": WEIGHTS, "label_smoothing": 0.1}),
            (0.25, "dice", {"smooth": 2.0, "legacy": True}),
        ],
    ),
    "focal_dice": ("focal_dice", {}, [(0.75, "focal", {}), (0.25, "dice", {})]),
    "focal_dice full": (
        "dice_focal",
        {"dice_weight": 0.4, "smooth": 0.5, "legacy": True, **FOCAL},
        [(0.6, "focal", FOCAL), (0.4, "dice", {"smooth": 0.5, "legacy": True})],
    ),
    "focal_ce": ("focal_ce", {}, [(0.8, "ce", {}), (0.2, "focal", {})]),
    "focal_ce full": (
        "focal_ce",
        {"focal_weight": 0.3, "class_weights": WEIGHTS, **FOCAL},
        [(0.7, "ce", {"class_weights": WEIGHTS}), (0.3, "focal", FOCAL)],
    ),
    "oh_my": (
        "oh_my",
        {},
        [(0.75, "ce", {"class_weights": "1-share"}), (0.25, "dice", {}), (0.25, "ssim", {})],
    ),
    "oh_my full": (
        "ohmyloss",
        {
            "ce_weight": 2.0,
            "dice_weight": 0.5,
            "ssim_weight": 3.0,
            "class_weights": "none",
            "smooth": 0.5,
            "window": 5,
        },
        [(2.0, "ce", {}), (0.5, "dice", {"smooth": 0.5}), (3.0, "ssim", {"window": 5})],
    ),
    "oh_my legacy": (
        "oh_my",
        {"legacy": True},
        [
            (0.75, "ce", {"class_weights": "1-share"}),
            (0.25, "dice", {"legacy": True}),
            (0.25, "ssim", {"legacy": True}),
        ],
    ),
    "oh_my_focal": (
        "oh_my_focal",
        {},
        [(0.75, "focal", {}), (0.25, "dice", {}), (0.25, "ssim", {})],
    ),
    "oh_my_focal full": (
        "triple",
        {
            "focal_weight": 2.0,
            "dice_weight": 0.5,
            "ssim_weight": 3.0,
            "class_weights": "inverse",
            "smooth": 0.5,
            "window": 5,
            "legacy": True,
            **FOCAL,
        },
        [
            (2.0, "focal", {"class_weights": "inverse", **FOCAL}),
            (0.5, "dice", {"smooth": 0.5, "legacy": True}),
            (3.0, "ssim", {"window": 5, "legacy": True}),
        ],
    ),
    "amazing_ce": (
        "amazing_ce",
        {},
        [(0.5, "ce", {"class_weights": "1-share"}), (0.3, "dice", {}), (0.2, "focal", {})],
    ),
    "amazing_ce full": (
        "amazing_ce",
        {
            "ce_weight": 1.0,
            "dice_weight": 0.0,
            "focal_weight": 0.5,
            "class_weights": "none",
            "smooth": 0.5,
            "legacy": True,
            **FOCAL,
        },
        [(1.0, "ce", {}), (0.5, "focal", FOCAL)],
    ),
    "sum": (
        "sum",
        {
            "terms": [
                {"name": "focal", "weight": 0.75},
                {"name": "dice", "smooth": 0.5, "weight": 2},
                {"name": "ce"},
                {"name": "iou", "weight": 0.0},
            ]
        },
        [(0.75, "focal", {}), (2.0, "dice", {"smooth": 0.5}), (1.0, "ce", {})],
    ),
}


def sum_of_parts(parts: Parts, bench) -> Callable[[Tensor, Tensor], Tensor]:
    losses = [(weight, bench.make(name, **parameters)) for weight, name, parameters in parts]
    return lambda x, t: sum(weight * loss(x, t) for weight, loss in losses)


@pytest.mark.parametrize("case", CASES)
def test_a_compound_is_the_sum_of_its_parts(case: str, bench) -> None:
    """The parts themselves are held against slow references beside this file."""
    name, parameters, parts = CASES[case]
    reference = sum_of_parts(parts, bench)
    bench.agrees(bench.make(name, **parameters), reference, bench.blobs())


def test_legacy_ssim_only_shifts_the_value(bench) -> None:
    batch = bench.blobs()
    gradients = []
    for name in ("oh_my", "sum"):
        parts = [
            {"name": "ce", "class_weights": "1-share", "weight": 0.75},
            {"name": "dice", "legacy": True, "weight": 0.25},
        ]
        loss = bench.make(name, **({"terms": parts} if name == "sum" else {"legacy": True}))
        gradients.append(torch.autograd.grad(loss(*batch), batch[0])[0])
    assert torch.equal(*gradients)


def test_dice_and_ssim_of_oh_my_send_a_gradient(bench) -> None:
    batch = bench.blobs()
    for name in ("oh_my", "oh_my_focal"):
        loss = bench.make(name, ce_weight=0.0) if name == "oh_my" else bench.make(name)
        with_ssim, *_ = torch.autograd.grad(loss(*batch), batch[0])
        parameters = {"ce_weight": 0.0} if name == "oh_my" else {}
        without = bench.make(name, ssim_weight=0.0, **parameters)
        alone, *_ = torch.autograd.grad(without(*batch), batch[0])
        assert alone.any()
        assert not torch.allclose(with_ssim, alone, rtol=0.01)


def test_terms_share_one_softmax_also_when_sums_are_nested(bench, monkeypatch) -> None:
    calls = []
    softmax = torch.log_softmax
    monkeypatch.setattr(torch, "log_softmax", lambda *a, **k: calls.append(1) or softmax(*a, **k))
    inner = {"name": "sum", "terms": [{"name": "dice"}, {"name": "focal"}]}
    loss = bench.make("sum", terms=[{"name": "ce"}, inner])
    loss(*bench.batch())
    assert len(calls) == 1


def test_sum_of_a_foreign_loss_and_a_builtin_one(bench) -> None:
    logits, target = bench.batch()
    ce = bench.make("ce")
    both = SumOfLosses([(2.0, lambda x, t: x.mean()), (0.5, ce)], IGNORED)
    torch.testing.assert_close(both(logits, target), 2 * logits.mean() + 0.5 * ce(logits, target))


def test_a_sum_moves_the_buffers_of_foreign_losses(bench) -> None:
    class Foreign(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("scale", torch.ones(1))

    both = SumOfLosses([(1.0, Foreign()), (1.0, bench.make("ce"))], IGNORED)
    moved = both.to("meta")
    assert [buffer.device.type for buffer in moved.buffers()] == ["meta"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("sum", {"terms": [{"name": "dice", "weight": 0.0}, {"name": "ce", "weight": 2.0}]}),
        ("oh_my", {"dice_weight": 0.0, "class_weights": "none", "ce_weight": 2, "ssim_weight": 0}),
        (
            "amazing_ce",
            {"dice_weight": 0.0, "class_weights": "none", "ce_weight": 2, "focal_weight": 0},
        ),
    ],
)
def test_a_term_of_weight_0_is_not_computed(
    name: str, parameters: dict[str, object], bench, monkeypatch
) -> None:
    """0 × infinity is no number."""
    monkeypatch.setattr(Tversky, "__call__", lambda self, prediction: 1 / 0)
    logits, target = bench.batch()
    value = bench.make(name, **parameters)(logits, target)
    torch.testing.assert_close(value, 2 * bench.make("ce")(logits, target))


@pytest.mark.parametrize(
    ("name", "parameters", "parameter"),
    [
        ("sum", {"terms": [{"name": "ce", "weight": 0.0}, {"name": "dice", "weight": 0}]}, "terms"),
        ("oh_my", {"ce_weight": 0.0, "dice_weight": 0.0, "ssim_weight": 0.0}, ""),
        ("amazing_ce", {"ce_weight": 0.0, "dice_weight": 0.0, "focal_weight": 0.0}, ""),
    ],
)
def test_a_sum_of_nothing_is_refused(
    name: str, parameters: dict[str, object], parameter: str, bench
) -> None:
    with pytest.raises(UsageError, match="weights of all terms are 0") as raised:
        bench.make(name, **parameters)
    assert raised.value.parameter == parameter


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ([], "at least 1 item"),
        ([{"name": "ce", "weight": -1}], "weight"),
        ([{"name": "ce", "weight": "much"}], "weight"),
    ],
)
def test_wrong_terms_are_refused(terms: list[object], message: str, bench) -> None:
    with pytest.raises(UsageError, match=message):
        bench.make("sum", terms=terms)


def test_the_parallel_list_of_weights_is_gone(bench) -> None:
    with pytest.raises(UsageError, match=r"weights: unknown key"):
        bench.make("sum", terms=[{"name": "ce"}], weights=[1.0])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("ce", {"class_weights": "effective", "label_smoothing": 0.1}),
        ("bce", {"class_weights": "inverse"}),
        ("ohem_ce", {"threshold": 0.0, "class_weights": "inverse"}),
        ("dice", {"legacy": True}),
        ("iou", {"legacy": True}),
        ("tversky", {"legacy": True}),
        ("focal_tversky", {"gamma": 2.0}),
        ("lovasz", {"per_image": True}),
        ("hausdorff", {"alpha": 0.5}),
        ("ssim", {"window": 25}),
        ("ms_ssim", {"window": 3}),
        ("dice_ce", {"legacy": True}),
        ("oh_my", {"legacy": True}),
        ("oh_my_focal", {"legacy": True}),
        ("amazing_ce", {"legacy": True}),
    ],
)
def test_other_parameters_keep_the_contract_too(
    name: str, parameters: dict[str, object], bench
) -> None:
    """The defaults are checked with all other components."""
    check_component("loss", name, bench.registry, **parameters)
