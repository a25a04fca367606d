from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import UsageError
from toolkit.data.order import EpochOrder, PseudoMix

SIZES = {"n_real": st.integers(1, 30), "n_pseudo": st.integers(1, 30)}


@given(**SIZES, seed=st.integers(0, 5), epoch=st.integers(1, 5))
def test_first_has_all_pseudo_labelled_images_before_all_real_ones(
    n_real: int, n_pseudo: int, seed: int, epoch: int
) -> None:
    order = EpochOrder(n_real, n_pseudo, "first")(seed, epoch)
    assert sorted(order[:n_pseudo]) == list(range(n_real, n_real + n_pseudo))
    # The real ones come as they would without the others.
    assert order[n_pseudo:] == EpochOrder(n_real)(seed, epoch)


@given(**SIZES, seed=st.integers(0, 5))
def test_concat_has_every_image_once(n_real: int, n_pseudo: int, seed: int) -> None:
    assert sorted(EpochOrder(n_real, n_pseudo, "concat")(seed, 1)) == list(range(n_real + n_pseudo))


def test_concat_shuffles_both_kinds_together() -> None:
    order = EpochOrder(500, 500, "concat")(3, 1)
    assert 200 < sum(position < 500 for position in order[:500]) < 300


@given(**SIZES)
def test_only_has_the_pseudo_labelled_images_alone(n_real: int, n_pseudo: int) -> None:
    order = EpochOrder(n_real, n_pseudo, "only")(0, 1)
    assert sorted(order) == list(range(n_real, n_real + n_pseudo))


@given(
    **SIZES,
    batch_size=st.integers(2, 9),
    ratio=st.floats(0.01, 0.99),
    seed=st.integers(0, 3),
)
def test_ratio_gives_every_batch_the_same_share(
    n_real: int, n_pseudo: int, batch_size: int, ratio: float, seed: int
) -> None:
    order = EpochOrder(n_real, n_pseudo, "ratio", ratio, batch_size)(seed, 2)
    wanted = min(max(round(ratio * batch_size), 1), batch_size - 1)
    assert len(order) % batch_size == 0
    for begin in range(0, len(order), batch_size):
        batch = order[begin : begin + batch_size]
        assert sum(position >= n_real for position in batch) == wanted
    counts = Counter(order)
    real = [counts[position] for position in range(n_real)]
    pseudo = [counts[position] for position in range(n_real, n_real + n_pseudo)]
    assert min(real) >= 1, "an epoch has every real image"
    assert max(real) - min(real) <= 1
    assert max(pseudo) - min(pseudo) <= 1, "no image comes again before all others came"


def test_ratio_mixes_the_kinds_inside_a_batch() -> None:
    order = EpochOrder(64, 64, "ratio", 0.5, 16)(0, 1)
    first_halves = [order[begin : begin + 8] for begin in range(0, len(order), 16)]
    assert any(any(position >= 64 for position in half) for half in first_halves)
    assert any(any(position < 64 for position in half) for half in first_halves)


@pytest.mark.parametrize("mix", ["first", "concat", "ratio", "only"])
def test_the_length_is_known_beforehand_and_the_order_repeats(mix: PseudoMix) -> None:
    order = EpochOrder(13, 5, mix, 0.4, 4)
    assert len(order(7, 3)) == len(order)
    assert order(7, 3) == order(7, 3)
    assert order(7, 3) != order(7, 4)
    assert order(7, 3) != order(8, 3)


def test_without_pseudo_labels_the_mix_means_nothing() -> None:
    for mix in ("first", "concat", "ratio", "only"):
        assert EpochOrder(9, 0, mix)(1, 1) == EpochOrder(9)(1, 1)


def test_what_cannot_be_ordered_is_refused() -> None:
    with pytest.raises(UsageError, match="no training images"):
        EpochOrder(0)
    with pytest.raises(UsageError, match="batches of two images or more") as caught:
        EpochOrder(4, 4, "ratio", 0.5, 1)
    assert caught.value.parameter == "pseudo.mix"
