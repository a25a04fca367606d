from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import Annotated, Any, cast

import numpy as np
import pytest

from toolkit.data.augment import AugmentStep, Pipeline, build_pipeline
from toolkit.errors import TrashError, UsageError
from toolkit.plugin.component import Component, ComponentSpec, OfKind
from toolkit.plugin.interfaces import Augmentation, Context, ObjectBank, Sample
from toolkit.plugin.registry import Entry, Registry

SAMPLE = Sample(np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.uint8), "a.jpg")


@dataclass(frozen=True)
class Brighten:
    amount: int

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        return replace(sample, image=sample.image + np.uint8(self.amount))


def brighten(context: Context, *, amount: int = 1) -> Brighten:
    return Brighten(amount)


def noise(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, image=rng.integers(0, 256, sample.image.shape, dtype=np.uint8))


def crop(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, image=sample.image[:2], mask=sample.mask[:2])


def to_float(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, image=sample.image / 255)


def crop_image_only(sample: Sample, rng: np.random.Generator) -> Sample:
    return replace(sample, image=sample.image[:2])


def explode(sample: Sample, rng: np.random.Generator) -> Sample:
    raise ZeroDivisionError("no")


def leave(sample: Sample, rng: np.random.Generator) -> Sample:
    raise SystemExit(3)


def refuse(sample: Sample, rng: np.random.Generator) -> Sample:
    raise UsageError("the object bank is empty", "Make one.")


def pipeline(*steps: tuple[str, Any, float]) -> Pipeline:
    return Pipeline(tuple(AugmentStep(*step) for step in steps), (4, 6))


def run(pipe: Pipeline, seed: int = 0) -> Sample:
    return pipe(SAMPLE, np.random.default_rng(seed))


@pytest.fixture
def own_registry() -> Registry:
    return Registry([Entry("augmentation", Component("brighten", brighten, "Adds."), "test")])


def build(registry: Registry, *specs: dict[str, Any]) -> Pipeline:
    context = Context(class_names=("Background", "a"), image_size=(4, 6))
    return build_pipeline([ComponentSpec(**spec) for spec in specs], registry, context)


def test_steps_are_built_with_their_probability(own_registry: Registry) -> None:
    built = build(own_registry, {"name": "brighten", "p": 1, "amount": 3}, {"name": "brighten"})
    assert [step.p for step in built.steps] == [1.0, 0.5]
    assert [step.augmentation for step in built.steps] == [Brighten(3), Brighten(1)]
    assert built.image_size == (4, 6)


def test_wrong_specs_are_refused(own_registry: Registry) -> None:
    for wrong in (
        {"name": "brigten"},
        {"name": "brighten", "p": 1.5},
        {"name": "brighten", "x": 1},
    ):
        with pytest.raises(UsageError):
            build(own_registry, wrong)


def test_steps_run_in_order_with_their_probability() -> None:
    pipe = pipeline(("a", Brighten(1), 1.0), ("b", Brighten(10), 0.0), ("c", Brighten(100), 0.3))
    sums = [int(run(pipe, seed).image[0, 0, 0]) for seed in range(300)]
    assert set(sums) == {1, 101}
    assert 0.2 < sums.count(101) / 300 < 0.4


def test_the_result_depends_on_the_generator_alone() -> None:
    pipe = pipeline(("noise", noise, 1.0), ("noise", noise, 0.5))
    first, again, other = run(pipe, 1), run(pickle.loads(pickle.dumps(pipe)), 1), run(pipe, 4)
    np.testing.assert_array_equal(first.image, again.image)
    assert (first.image != other.image).any()


@pytest.mark.parametrize(
    ("augmentation", "said"),
    [
        (crop, r"augmentation bad left a\.jpg at 2x6 .*data\.image_size is 4x6"),
        (to_float, "augmentation bad must keep uint8, it returned an image of float64"),
        (crop_image_only, r"augmentation bad returned an image of shape \(2, 6, 3\)"),
        (explode, r"augmentation bad failed on a\.jpg: ZeroDivisionError: no \(.*test_augment.py:"),
        (leave, r"augmentation bad failed on a\.jpg: SystemExit: 3"),
        (lambda sample, rng: None, "augmentation bad returned NoneType, not a Sample of arrays"),
        (lambda sample, rng: (sample.image, sample.mask), "augmentation bad returned tuple"),
        (lambda sample, rng: replace(sample, mask=[[0]]), "augmentation bad returned Sample, not"),
    ],
)
def test_a_bad_step_is_named(augmentation: Any, said: str) -> None:
    pipe = pipeline(("good", Brighten(1), 1.0), ("bad", augmentation, 1.0), ("c", Brighten(1), 0.0))
    with pytest.raises(TrashError, match=said):
        run(pipe)


def test_messages_of_a_step_for_the_user_are_kept() -> None:
    with pytest.raises(UsageError, match="the object bank is empty"):
        run(pipeline(("bank", refuse, 1.0)))


def test_sizes_may_differ_on_the_way() -> None:
    def grow(sample: Sample, rng: np.random.Generator) -> Sample:
        return replace(sample, image=sample.image.repeat(2, 0), mask=sample.mask.repeat(2, 0))

    assert run(pipeline(("crop", crop, 1.0), ("grow", grow, 1.0))).mask.shape == (4, 6)
    with pytest.raises(TrashError, match="the data, before any augmentation, left"):
        Pipeline((), (8, 8))(SAMPLE, np.random.default_rng(0))


def paste(context: Context) -> Brighten:
    return Brighten(len(context.objects()))


def either(
    context: Context, *, of: Annotated[ComponentSpec, OfKind("augmentation")]
) -> Augmentation:
    made: Augmentation = context.build("augmentation", of)
    return made


def test_steps_that_ask_for_objects_are_left_out_on_demand_also_inside_others() -> None:
    registry = Registry(
        Entry("augmentation", Component(factory.__name__, factory, "Test."), "test")
        for factory in (brighten, paste, either)
    )
    context = Context(("Background", "a"), (4, 6), objects=lambda: cast("ObjectBank", [1, 2]))
    inner = {"paste": {"name": "paste"}, "brighten": {"name": "brighten"}}
    specs = [ComponentSpec(name="either", of=inner[name]) for name in inner]
    specs += [ComponentSpec(name=name) for name in inner]
    every = build_pipeline(specs, registry, context)
    assert [step.name for step in every.steps] == ["either", "either", "paste", "brighten"]
    without = build_pipeline(specs, registry, context, with_objects=False)
    assert [(step.name, step.augmentation) for step in without.steps] == [
        ("either", Brighten(1)),
        ("brighten", Brighten(1)),
    ]
