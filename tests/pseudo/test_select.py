from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit import Component, Context, Prediction
from toolkit.errors import TrashError, UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.registry import Entry, Registry
from toolkit.pseudo.select import Selection, build_selection

CLASSES = ("Background", "Paper", "Glass")
IGNORED = 255


def prediction(seed: int = 0, size: tuple[int, int] = (5, 7)) -> Prediction:
    rng = np.random.default_rng(seed)
    scores = np.exp(rng.standard_normal((len(CLASSES), *size)))
    maps = (scores / scores.sum(axis=0)).astype(np.float32)
    return Prediction(f"{seed}.jpg", maps, rng.random(size, dtype=np.float32))


def selection(*selectors: Any) -> Selection:
    steps = tuple((f"selector {number}", each) for number, each in enumerate(selectors, 1))
    return Selection(steps, IGNORED)


def trusting(mask: NDArray[np.bool_] | None) -> Any:
    """A selector that trusts the pixels of a mask, or no image at all."""

    def select(prediction: Prediction) -> NDArray[np.uint8] | None:
        labels = prediction.probabilities.argmax(axis=0)
        return None if mask is None else np.where(mask, labels, IGNORED).astype(np.uint8)

    return select


def test_without_selectors_everything_is_trusted() -> None:
    decision = selection()(prediction())
    expected = prediction().probabilities.argmax(axis=0)
    assert decision.rejected_by is None
    np.testing.assert_array_equal(decision.labels, expected)
    np.testing.assert_array_equal(decision.predicted, expected)


masks = st.lists(st.booleans(), min_size=35, max_size=35).map(lambda bits: np.reshape(bits, (5, 7)))


@settings(max_examples=60, deadline=None)
@given(chosen=st.lists(st.one_of(st.none(), masks), max_size=4))
def test_a_pixel_is_trusted_if_every_selector_trusts_it(
    chosen: list[NDArray[np.bool_] | None],
) -> None:
    decision = selection(*map(trusting, chosen))(prediction())
    left = np.ones((5, 7), bool)
    rejected_by = None
    for number, mask in enumerate(chosen, 1):
        left = left & mask if mask is not None else np.zeros_like(left)
        if not left.any():
            rejected_by = f"selector {number}"
            break
    assert decision.rejected_by == rejected_by
    if rejected_by is not None:
        assert decision.labels is None
        return
    assert decision.labels is not None
    for place in np.ndindex(left.shape):
        label = prediction().probabilities[(slice(None), *place)].argmax()
        assert decision.labels[place] == (label if left[place] else IGNORED)


def test_doubt_never_becomes_background() -> None:
    doubtful = prediction()
    nothing_sure = doubtful.probabilities.max(axis=0) > 2
    nothing_sure[0, 0] = True
    labels = selection(trusting(nothing_sure))(doubtful).labels
    assert labels is not None
    assert (labels.ravel()[1:] == IGNORED).all()


def wrong_label(prediction: Prediction) -> Any:
    labels = prediction.probabilities.argmax(axis=0).astype(np.uint8)
    labels[2, 3] = (labels[2, 3] + 1) % 3
    return labels


@pytest.mark.parametrize(
    ("select", "message"),
    [
        (lambda each: each.probabilities.argmax(axis=0), r"int64 \(5, 7\) instead of uint8"),
        (lambda each: np.zeros((5, 6), np.uint8), r"uint8 \(5, 6\) instead of uint8 \(5, 7\)"),
        (lambda each: [1, 2], "list"),
        (wrong_label, "not the most probable ones at 1 pixel"),
        (lambda each: np.full((5, 7), 7, np.uint8), "not the most probable ones at 35 pixels"),
    ],
)
def test_a_wrong_result_names_selector_and_image(select: Any, message: str) -> None:
    with pytest.raises(TrashError, match=f"selector selector 2 returned .*{message}.*0\\.jpg"):
        selection(trusting(np.ones((5, 7), bool)), select)(prediction())


def test_a_selector_cannot_change_what_the_next_one_sees() -> None:
    def spoil(prediction: Prediction) -> None:
        prediction.probabilities[:] = 0

    each = prediction()
    with pytest.raises(ValueError, match="read-only"):
        selection(spoil)(each)
    assert each.probabilities.flags.writeable


def test_images_are_shown_only_to_selectors_that_want_to_see_them() -> None:
    class Observing:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def observe(self, prediction: Prediction) -> None:
            self.seen.append(prediction.file_name)

        __call__ = staticmethod(trusting(np.ones((5, 7), bool)))

    observing = Observing()
    plain = trusting(np.ones((5, 7), bool))
    assert not selection(plain).observes
    both = selection(plain, observing)
    assert both.observes
    both.observe(prediction(3))
    assert observing.seen == ["3.jpg"]


def test_selectors_of_a_recipe_are_built_and_told_the_images(registry: Registry) -> None:
    told = []

    class Expecting:
        def expect(self, file_names: list[str]) -> None:
            told.append(tuple(file_names))

        __call__ = staticmethod(trusting(None))

    entry = Entry("selector", Component("mine", lambda context: Expecting(), "mine"), "test")
    registry = Registry([*registry.entries(), entry])
    specs = [ComponentSpec(name="threshold", least=0.4), ComponentSpec(name="mine")]
    built = build_selection(specs, registry, Context(CLASSES, ignore_index=99))
    built.expect(("a.jpg", "b.jpg"))
    assert told == [("a.jpg", "b.jpg")]
    assert built(prediction()).rejected_by == "mine"
    with pytest.raises(UsageError, match="treshold"):
        build_selection([ComponentSpec(name="treshold")], registry, Context(CLASSES))
