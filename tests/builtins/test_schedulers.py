from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from toolkit import Component, ComponentSpec, Context, UsageError
from toolkit.plugin.registry import Entry, Registry
from toolkit.testing import examine


def sgd(*rates: float) -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups, lr=1.0)


def schedule(
    registry: Registry, name: str, optimizer: torch.optim.Optimizer, steps: int, **parameters: Any
) -> Any:
    context = Context(("a", "b"), epochs=1, steps_per_epoch=steps)
    return registry.build("scheduler", ComponentSpec(name=name, **parameters), context, optimizer)


def walk(optimizer: torch.optim.Optimizer, scheduler: Any, steps: int) -> Iterator[list[float]]:
    for _ in range(steps):
        yield [group["lr"] for group in optimizer.param_groups]
        optimizer.step()
        scheduler.step()


def rates(
    registry: Registry, name: str, /, *, lr: float, steps: int, **parameters: object
) -> list[float]:
    """Learning rate of every step of a run."""
    optimizer = sgd(lr)
    scheduler = schedule(registry, name, optimizer, steps, **parameters)
    return [rate for (rate,) in walk(optimizer, scheduler, steps)]


def warmup_restarts(
    steps: int, first: int, warm: int, top: float, low: float, mult: float, gamma: float
) -> list[float]:
    """The winners' schedule (facts §6), as a state that is carried from step to step."""
    found, inside, length, peak = [], 0, first, top
    for _ in range(steps):
        if inside < warm:
            found.append(low + (peak - low) * inside / warm)
        else:
            progress = (inside - warm) / (length - warm)
            found.append(low + (peak - low) * (1 + math.cos(math.pi * progress)) / 2)
        inside += 1
        if inside >= length:
            inside, peak = 0, peak * gamma
            length = int((length - warm) * mult) + warm
    return found


def test_restarts_follow_the_winning_run_step_by_step(registry: Registry) -> None:
    """2617 images, batch 16, 50 epochs: cycles of 2733 steps, 683 of them warm-up."""
    steps = math.ceil(2617 / 16) * 50
    found = rates(registry, "cosine_restarts", lr=1e-4, steps=steps)
    assert steps // 3 == 2733
    assert found[0] == pytest.approx(1e-5)
    for cycle, peak in enumerate((1e-4, 5e-5, 2.5e-5)):
        inside = found[cycle * 2733 : (cycle + 1) * 2733]
        assert max(inside) == pytest.approx(peak)
        assert inside.index(max(inside)) == 683
        assert inside[0] == pytest.approx(1e-5)
    expected = warmup_restarts(steps, 2733, 683, 1e-4, 1e-5, 1.0, 0.5)
    assert found == pytest.approx(expected, rel=1e-9)


def test_restarts_follow_every_member_of_the_team(registry: Registry) -> None:
    """Peak, lowest rate, cycles and gamma differ (facts §6)."""
    for lr, low, cycles, gamma in (
        (1e-4, 1e-6, 3, 0.5),
        (1e-3, 1e-4, 3, 0.5),
        (1e-4, 1e-5, 3, 1.0),
        (5e-4, 1e-4, 5, 0.5),
    ):
        found = rates(
            registry, "cosine_restarts", lr=lr, steps=1200, min_lr=low, cycles=cycles, gamma=gamma
        )
        length = 1200 // cycles
        expected = warmup_restarts(1200, length, length // 4, lr, low, 1.0, gamma)
        # The original lets a peak sink below the lowest rate; here it stops there.
        assert found == pytest.approx([max(rate, low) for rate in expected], rel=1e-9)


@pytest.mark.parametrize(
    ("mult", "gamma", "warmup"),
    [(1.0, 0.5, 0.25), (1.5, 0.5, 0.25), (2.0, 1.0, 0.1), (2.0, 0.5, 0.25), (0.5, 0.7, 0.0)],
)
def test_cycles_of_changing_length_fill_the_run(
    mult: float, gamma: float, warmup: float, registry: Registry
) -> None:
    steps = 1000
    found = rates(
        registry,
        "cosine_restarts",
        lr=1.0,
        steps=steps,
        cycles=3,
        mult=mult,
        gamma=gamma,
        warmup=warmup,
        min_lr=0.01,
    )
    first = int(steps / sum((1 - warmup) * mult**k + warmup for k in range(3)))
    expected = warmup_restarts(steps, first, int(first * warmup), 1.0, 0.01, mult, gamma)
    # Whole steps leave a few over at the end, which stay at the lowest rate.
    assert found[:-5] == pytest.approx(expected[:-5], rel=1e-9)
    assert max(found[-5:]) < 0.011


@pytest.mark.parametrize("mult", [1.0, 1.5])
def test_groups_restart_at_their_own_peaks(mult: float, registry: Registry) -> None:
    """A group of a tenth of the rate has a tenth of the lowest rate, which is above its peak."""
    optimizer, first = sgd(1e-4, 1e-5, 0.0), int(900 / sum(0.75 * mult**k + 0.25 for k in range(3)))
    scheduler = schedule(registry, "cosine_restarts", optimizer, 900, mult=mult, min_lr=2e-5)
    expected = warmup_restarts(900, first, int(first * 0.25), 1e-4, 2e-5, mult, 0.5)
    found = list(walk(optimizer, scheduler, 900))[:-5]
    assert [high for high, _, _ in found] == pytest.approx(expected[:-5], rel=1e-9)
    assert [low for _, low, _ in found] == pytest.approx([v / 10 for v in expected[:-5]], rel=1e-9)
    assert {none for _, _, none in found} == {0.0}


def test_cosine_rises_and_falls_once(registry: Registry) -> None:
    found = rates(registry, "cosine", lr=1.0, steps=100, warmup=0.2, min_lr=0.1)
    assert found[0] == pytest.approx(0.1)
    assert found[20] == pytest.approx(1.0)
    assert found[60] == pytest.approx(0.55)
    assert found[-1] == pytest.approx(0.1, abs=1e-3)
    assert found[:21] == sorted(found[:21])
    assert found[20:] == sorted(found[20:], reverse=True)


def test_constant_stays_after_its_warmup(registry: Registry) -> None:
    assert rates(registry, "constant", lr=0.3, steps=5) == [0.3] * 5
    found = rates(registry, "constant", lr=0.3, steps=10, warmup=0.5)
    assert found[:5] == pytest.approx([0.0, 0.06, 0.12, 0.18, 0.24])
    assert found[5:] == [0.3] * 5


def test_poly_follows_its_formula(registry: Registry) -> None:
    found = rates(registry, "poly", lr=0.5, steps=40, power=0.9)
    assert found == pytest.approx([0.5 * (1 - step / 40) ** 0.9 for step in range(40)])


@pytest.mark.parametrize("name", ["cosine", "poly", "one_cycle", "constant", "plateau"])
def test_groups_keep_their_ratio(name: str, registry: Registry) -> None:
    lowest = {} if name in ("one_cycle", "constant") else {"min_lr": 1e-4}
    optimizer = sgd(1e-3, 1e-5, 1e-2)
    scheduler = schedule(registry, name, optimizer, 40, warmup=0.5, **lowest)
    found = list(walk(optimizer, scheduler, 40))
    assert max(high for high, _, _ in found) == pytest.approx(1e-3)
    for high, low, higher in found:
        assert [low, higher] == pytest.approx([high / 100, high * 10])


def test_the_lowest_rate_is_that_of_the_first_group(registry: Registry) -> None:
    """It is the one whose rate the recipe gives; a frozen one is passed over."""
    optimizer = sgd(0.0, 1e-3, 1e-2)
    scheduler = schedule(registry, "cosine", optimizer, 40, warmup=0.5, min_lr=1e-4)
    assert next(walk(optimizer, scheduler, 40)) == pytest.approx([0.0, 1e-4, 1e-3])


@pytest.mark.parametrize("name", ["cosine", "cosine_restarts", "poly", "plateau"])
def test_a_lowest_rate_above_the_peak_is_refused(name: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"min_lr = 0\.1 is above") as caught:
        rates(registry, name, lr=0.01, steps=10, min_lr=0.1)
    assert caught.value.parameter == "min_lr"


# One cycle.


@pytest.mark.parametrize(("steps", "warmup"), [(100, 0.3), (97, 0.3), (41, 0.55), (10, 0.2)])
def test_one_cycle_is_that_of_torch(steps: int, warmup: float, registry: Registry) -> None:
    optimizer = sgd(1.0)
    torchs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=0.02,
        total_steps=steps,
        pct_start=warmup,
        div_factor=25,
        final_div_factor=400,
        cycle_momentum=False,
    )
    expected = [rate for (rate,) in walk(optimizer, torchs, steps - 1)]
    found = rates(registry, "one_cycle", lr=0.02, steps=steps, warmup=warmup)
    assert found[:-1] == pytest.approx(expected, rel=1e-9)
    assert found[0] == pytest.approx(0.02 / 25)
    assert found[-1] == pytest.approx(0.02 / 1e4)


def test_one_cycle_starts_and_ends_where_it_is_told(registry: Registry) -> None:
    found = rates(
        registry, "one_cycle", lr=1.0, steps=50, warmup=0.0, start_factor=0.5, end_factor=0.1
    )
    assert found[0] == 1.0
    assert found[-1] == pytest.approx(0.1)
    found = rates(registry, "one_cycle", lr=1.0, steps=50, start_factor=0.5, end_factor=0.0)
    assert found[0] == pytest.approx(0.5)
    assert found[-1] == pytest.approx(0.0)


def test_one_cycle_stays_down_after_its_end(registry: Registry) -> None:
    optimizer = sgd(1.0)
    scheduler = schedule(registry, "one_cycle", optimizer, 20)
    found = [rate for (rate,) in walk(optimizer, scheduler, 25)]
    assert found[19:] == pytest.approx([1e-4] * 6)


def test_a_longer_one_cycle_follows_the_longer_plan(registry: Registry) -> None:
    """A run is resumed with more epochs: the state holds the step, not the plan."""
    optimizer = sgd(1.0)
    scheduler = schedule(registry, "one_cycle", optimizer, 20)
    list(walk(optimizer, scheduler, 10))
    longer = sgd(1.0)
    resumed = schedule(registry, "one_cycle", longer, 40)
    longer.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    # The step right after resuming was already set by the shorter plan.
    found = [rate for (rate,) in walk(longer, resumed, 30)]
    assert found[1:] == rates(registry, "one_cycle", lr=1.0, steps=40)[11:]


# Plateau.


def validations(
    registry: Registry, figures: list[tuple[float, float]], *lr: float, **parameters: Any
) -> list[list[float]]:
    """Learning rates after each validation; four steps between them."""
    optimizer = sgd(*lr or (1.0,))
    scheduler = schedule(registry, "plateau", optimizer, 4 * len(figures), **parameters)
    found = []
    for loss, mean_iou in figures:
        list(walk(optimizer, scheduler, 4))
        scheduler.validated(loss, mean_iou)
        found.append([group["lr"] for group in optimizer.param_groups])
    return found


def losses(*values: float) -> list[tuple[float, float]]:
    return [(value, 0.5) for value in values]


def test_plateau_waits_for_patience_and_starts_to_count_again(registry: Registry) -> None:
    found = validations(registry, losses(0.9, 0.8, 0.85, 0.8, 0.81, 0.9, 0.9, 0.7, 0.8, 0.8, 0.8))
    #             best:            yes  yes  1     2    3: halved   1    2    yes  1    2    3
    assert [rate for (rate,) in found] == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_plateau_may_watch_the_score(registry: Registry) -> None:
    rising = [(1.0, 0.1), (1.0, 0.2), (1.0, 0.3), (1.0, 0.3), (0.5, 0.3)]
    found = validations(registry, rising, watch="val_score", patience=1, factor=0.1)
    assert [rate for (rate,) in found] == pytest.approx([1, 1, 1, 1, 0.1])


def test_plateau_ignores_an_improvement_that_is_none(registry: Registry) -> None:
    found = validations(registry, losses(1.0, 1 - 0.9e-4, 1 - 1.1e-4), patience=0)
    assert [rate for (rate,) in found] == [1, 0.5, 0.5]


def test_plateau_stops_at_the_lowest_rate_of_each_group(registry: Registry) -> None:
    found = validations(registry, losses(*[1.0] * 5), 1e-3, 1e-4, patience=0, min_lr=3e-4)
    assert [high for high, _ in found] == pytest.approx([1e-3, 5e-4, 3e-4, 3e-4, 3e-4])
    assert [low for _, low in found] == pytest.approx([1e-4, 5e-5, 3e-5, 3e-5, 3e-5])


def test_plateau_lowers_even_the_smallest_rates(registry: Registry) -> None:
    found = validations(registry, losses(1.0, 1.0), 1e-8, patience=0)
    assert found == [[1e-8], [5e-9]]


def test_plateau_rises_first_and_looks_at_no_validation_before(registry: Registry) -> None:
    optimizer = sgd(1.0)
    scheduler = schedule(registry, "plateau", optimizer, 20, warmup=0.4, patience=0)
    found = []
    for (rate,) in walk(optimizer, scheduler, 12):
        found.append(rate)
        scheduler.validated(1.0, 0.5)  # before the step: the last ones see steps 8 … 11
    rise = [step / 8 for step in range(8)]
    assert found == pytest.approx([*rise, 1, 1, 0.5, 0.25])


def test_plateau_continues_in_the_middle_of_its_warmup(registry: Registry) -> None:
    optimizer, fresh = sgd(1.0, 0.1), sgd(1.0, 0.1)
    scheduler = schedule(registry, "plateau", optimizer, 20, warmup=0.5)
    list(walk(optimizer, scheduler, 4))
    resumed = schedule(registry, "plateau", fresh, 20, warmup=0.5)
    fresh.load_state_dict(optimizer.state_dict())
    resumed.load_state_dict(scheduler.state_dict())
    assert [group["lr"] for group in fresh.param_groups] == pytest.approx([0.4, 0.04])
    assert list(walk(fresh, resumed, 16)) == list(walk(optimizer, scheduler, 16))


def test_plateau_keeps_plain_numbers_only(registry: Registry) -> None:
    scheduler = schedule(registry, "plateau", sgd(1.0), 20)
    scheduler.validated(0.7, 0.5)
    scheduler.validated(0.8, 0.5)
    state = {"steps": 0, "level": 1.0, "best": 0.7, "num_bad_epochs": 1}
    assert scheduler.state_dict() == state


# The contract.


def one_peak(context: Context, optimizer: Any) -> Any:
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=context.total_steps + 2)


class Deaf:
    """Lowers the rate when it is validated, and forgets it."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self.calls = optimizer, 0

    def step(self) -> None:
        pass

    def validated(self, loss: float, mean_iou: float) -> None:
        self.calls += 1
        for group in self.optimizer.param_groups:
            group["lr"] *= 0.5 if self.calls == 12 else 1

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (one_peak, "Keeps a parameter group with a lower learning rate below the others"),
        (
            lambda context, optimizer: Deaf(optimizer),
            "Continues exactly from a saved state that loads with weights_only=True",
        ),
    ],
)
def test_the_contract_finds_what_ignores_groups_or_forgets(broken: object, rule: str) -> None:
    entry = Entry("scheduler", Component("broken", broken, "for a test"), "test")
    report = examine("scheduler", "broken", Registry([entry]))
    assert any(finding.rule.startswith(rule) for finding in report.findings)
