"""Contracts find components that run without an error and are wrong all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from tests.testing.contract_pieces import registry_with
from toolkit import Context, UsageError
from toolkit.plugin.interfaces import Prediction
from toolkit.testing import examine


def broken_rules(kind: str, factory: Callable[..., Any]) -> list[str]:
    return [
        finding.rule for finding in examine(kind, "broken", registry_with(kind, factory)).findings
    ]


# Losses.


def counted_ce(logits: torch.Tensor, target: torch.Tensor, ignored: int) -> torch.Tensor:
    costs = torch.nn.functional.cross_entropy(
        logits.float(), target, ignore_index=ignored, reduction="sum"
    )
    return costs / (target != ignored).sum().clamp(min=1)


def first_image_twice(logits: torch.Tensor, target: torch.Tensor, ignored: int) -> torch.Tensor:
    weights = torch.tensor([2.0, 1.0])
    costs = [
        weight * counted_ce(*pair, ignored)
        for weight, *pair in zip(weights, logits.split(1), target.split(1), strict=True)
    ]
    return torch.stack(costs).sum()


LOSSES = [
    (
        "Takes the label of ignored pixels from the run: it is not 255 in every contest",
        lambda context: lambda x, t: counted_ce(x, t.masked_fill(t == 254, 0), 255),
    ),
    (
        "Counts every image of a batch, in whatever order they come",
        lambda context: lambda x, t: counted_ce(x[:1], t[:1], context.ignore_index),
    ),
    (
        "Counts every image of a batch, in whatever order they come",
        lambda context: lambda x, t: first_image_twice(x, t, context.ignore_index),
    ),
]


# Models.


class ChangesPhotos(torch.nn.Conv2d):
    def forward(self, x):
        return super().forward(torch.relu_(x) if not self.training else x)


class Blind(torch.nn.Conv2d):
    def forward(self, x):
        return super().forward(x * 0)


def convolution(network: type[torch.nn.Conv2d]) -> Callable[[Context], torch.nn.Module]:
    return lambda context: network(3, context.n_classes, 1)


MODELS = [
    ("Looks at the photo, and leaves it as it was", convolution(network))
    for network in (ChangesPhotos, Blind)
]


# Optimisers.


class Sgd(torch.optim.SGD):
    """Has one of several faults."""

    def __init__(self, parameters: Any, fault: str) -> None:
        super().__init__(parameters, lr=0.05, weight_decay=0.01)
        self._fault = fault
        self._lr = [group["lr"] for group in self.param_groups]

    def step(self, closure: Any = None) -> None:
        groups = [dict(group) for group in self.param_groups]
        for group, lr in zip(self.param_groups, self._lr, strict=True):
            if self._fault == "first learning rate":
                group["lr"] = lr
            if self._fault == "one decay":
                group["weight_decay"] = self.defaults["weight_decay"]
            if self._fault == "no decay":
                group["weight_decay"] = 0.0
            for parameter in group["params"] if self._fault == "frozen" else ():
                if parameter.grad is None:
                    parameter.data.mul_(1 - group["lr"] * group["weight_decay"])
        super().step()
        for group, old in zip(self.param_groups, groups, strict=True):
            group.update({"lr": old["lr"], "weight_decay": old["weight_decay"]})


def sgd(fault: str) -> Callable[[Context, Any], Sgd]:
    return lambda context, parameters: Sgd(parameters, fault)


OPTIMIZERS = [
    (rule, sgd(fault))
    for rule, fault in (
        (
            "Uses the learning rate that its groups have at each step, as schedules change it",
            "first learning rate",
        ),
        ("Uses each group's own weight decay: norms and biases may have none", "one decay"),
        ("Uses each group's own weight decay: norms and biases may have none", "no decay"),
        ("Leaves parameters without a gradient as they are: they are frozen", "frozen"),
    )
]


# Schedules.


def ends_too_early(context: Context, optimizer: Any) -> Any:
    last = max(1, context.total_steps - 1)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / last))


SCHEDULERS = [
    ("Has a learning rate above 0 in the last step: it ends after it, not before", ends_too_early)
]


# Postprocessors, views.


def moving(move: Callable[[Any], Any]) -> Callable[[Context], Any]:
    return lambda context: lambda maps, image: np.ascontiguousarray(move(maps))


POSTPROCESSORS = [
    (
        "Leaves things where they are: clear maps do not come back mirrored, turned or moved",
        moving(move),
    )
    for move in (
        lambda maps: maps[..., ::-1],
        lambda maps: np.roll(maps, (1, 1), (1, 2)),
        lambda maps: np.roll(maps, -3, 2),
    )
]


class View:
    def __init__(self, forward: Any, inverse: Any) -> None:
        self.forward, self.inverse = forward, inverse


def halves_exchanged(x: torch.Tensor) -> torch.Tensor:
    """Exchange left and right; of an odd number of columns the last one is lost."""
    half = x.shape[-1] // 2
    return torch.cat([x[..., half : 2 * half], x[..., :half]], -1)


VIEWS = [
    (
        "Gives maps back in the order of the network's classes: channels of photos are no classes",
        lambda context: View(lambda x: x.flip(1), lambda x: x.flip(1)),
    ),
    (
        "Undoes itself exactly, on images and maps that are not square, of even and odd sides",
        lambda context: View(halves_exchanged, halves_exchanged),
    ),
]


# Selectors.


class Sure:
    """Trusts the sure pixels; subclasses are wrong."""

    def __init__(self, context: Context) -> None:
        self.threshold, self.ignored = 0.8, context.ignore_index

    def __call__(self, prediction: Prediction) -> Any:
        sure = prediction.probabilities.max(axis=0) >= self.threshold
        return np.where(sure, prediction.probabilities.argmax(axis=0), self.ignored).astype(
            np.uint8
        )


class Thrown(Sure):
    def __call__(self, prediction: Prediction) -> Any:
        self.threshold = np.random.default_rng().uniform(0.5, 0.9)
        return super().__call__(prediction)


class LastSeen(Sure):
    def observe(self, prediction: Prediction) -> None:
        self.threshold = float(np.median(prediction.probabilities.max(axis=0)))


class Every2nd(Sure):
    n_seen = 0

    def __call__(self, prediction: Prediction) -> Any:
        self.n_seen += 1
        return super().__call__(prediction) if self.n_seen % 4 else None


class RaisesAgreement(Sure):
    def __call__(self, prediction: Prediction) -> Any:
        np.maximum(prediction.agreement, 0.5, out=prediction.agreement)
        return super().__call__(prediction)


SELECTORS = [
    ("Selects the same every time, in whatever order the images come", Thrown),
    ("Selects the same every time, in whatever order the images come", LastSeen),
    ("Selects the same every time, in whatever order the images come", Every2nd),
    ("Leaves the maps and the agreement as they were", RaisesAgreement),
]


# Submission formats.


class OneDigit:
    """A digit for each pixel."""

    suffix = ".txt"
    size = (8, 8)

    def __init__(self, context: Context) -> None:
        pass

    def write(self, target: Any, rows: Any) -> None:
        for name, labels in rows:
            down, right = (side // 8 for side in labels.shape)
            digits = "".join(str(label % 10) for label in labels[::down, ::right].ravel())
            target.write(f"{name}\t{digits}\n".encode())

    def read(self, path: Any) -> Iterator[tuple[str, Any]]:
        for line in path.read_text().splitlines():
            name, _, digits = line.partition("\t")
            if len(digits) != 64:
                raise UsageError(f"{path}: {len(digits)} digits")
            yield name, np.array([int(digit) for digit in digits], np.uint8).reshape(8, 8)


FORMATS = [("Holds the labels of contests with more classes: those of two digits, too", OneDigit)]


# Ensemblers.


def mean(maps: Any, weights: list[float]) -> Any:
    total = sum(weight * member for weight, member in zip(weights, maps, strict=False))
    return (total / total.sum(axis=0)).astype(np.float32)


def recursive_mean(context: Context) -> Any:
    def combine(maps: Any) -> Any:
        result = None
        for member in maps:
            result = member.copy() if result is None else (result + member) / 2
        return result

    return combine


def backwards(context: Context, *, weights: list[float] | None = None) -> Any:
    return lambda maps: mean(maps, [1.0] * 99 if weights is None else weights[::-1])


def unweighted(context: Context, *, weights: list[float] | None = None) -> Any:
    return lambda maps: mean(maps, [1.0] * 99)


def weighted(context: Context, *, weights: list[float] | None = None) -> Any:
    return lambda maps: mean(maps, [1.0] * 99 if weights is None else weights)


ORDER = "Gives the same maps in whatever order the members come, each with its own weight"
WEIGHTS = "Follows the member that has nearly all the weight, if it takes weights"
ENSEMBLERS = [(ORDER, recursive_mean), (WEIGHTS, backwards), (WEIGHTS, unweighted)]


# Trackers.


class Pops:
    def log(self, epoch: int, figures: Any) -> None:
        figures.pop("loss")

    def close(self) -> None:
        pass


TRACKERS = [
    (
        "Leaves the figures as they were: other trackers receive them, too",
        lambda context, run_dir: Pops(),
    )
]


FAULTS = {
    "loss": LOSSES,
    "model": MODELS,
    "optimizer": OPTIMIZERS,
    "scheduler": SCHEDULERS,
    "postprocessor": POSTPROCESSORS,
    "view": VIEWS,
    "selector": SELECTORS,
    "submission_format": FORMATS,
    "ensembler": ENSEMBLERS,
    "tracker": TRACKERS,
}


@pytest.mark.parametrize(
    ("kind", "rule", "factory"),
    [(kind, rule, factory) for kind, faults in FAULTS.items() for rule, factory in faults],
)
def test_silent_faults_are_found(kind: str, rule: str, factory: Callable[..., Any]) -> None:
    """Each breaks this rule alone: no other one would have told."""
    assert broken_rules(kind, factory) == [rule]


@pytest.mark.parametrize(
    ("kind", "factory"),
    [
        ("loss", lambda context: lambda x, t: counted_ce(x, t, context.ignore_index)),
        ("optimizer", sgd("none")),
        ("selector", Sure),
        ("ensembler", weighted),
    ],
)
def test_those_without_the_fault_are_not_broken(kind: str, factory: Callable[..., Any]) -> None:
    assert broken_rules(kind, factory) == []
