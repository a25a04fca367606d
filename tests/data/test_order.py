from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit import UsageError
from toolkit.data.order import EpochOrder, PseudoMix
from toolkit.data.sampling import repeated_draws

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


MIXES: tuple[PseudoMix, ...] = ("first", "concat", "ratio", "only")


@given(
    **SIZES,
    mix=st.sampled_from(MIXES),
    seed=st.integers(0, 5),
    batch_size=st.integers(2, 9),
    ratio=st.floats(0.1, 0.9),
)
def test_only_real_images_are_resampled(
    n_real: int, n_pseudo: int, mix: PseudoMix, seed: int, batch_size: int, ratio: float
) -> None:
    """Whatever the mix: a pseudo-labelled image comes as often as it would without."""
    draws = repeated_draws(np.linspace(1, 3.3, n_real))
    order = EpochOrder(n_real, n_pseudo, mix, ratio, batch_size, draws)
    found = order(seed, 1)
    assert found == order(seed, 1)
    assert len(found) == len(order)
    counts = Counter(found)
    real = [counts[position] for position in range(n_real)]
    pseudo = [counts[position] for position in range(n_real, n_real + n_pseudo)]
    if mix == "ratio":
        assert max(pseudo) - min(pseudo) <= 1
        assert all(times >= 1 for times in real)
        assert sum(real) >= len(draws)
        wanted = min(max(round(ratio * batch_size), 1), batch_size - 1)
        for begin in range(0, len(found), batch_size):
            batch = found[begin : begin + batch_size]
            assert sum(position >= n_real for position in batch) == wanted
        return
    assert set(pseudo) == {1}
    assert sum(real) == (0 if mix == "only" else len(draws))
    if mix == "first":
        assert min(found[:n_pseudo]) >= n_real
        assert found[n_pseudo:] == EpochOrder(n_real, draws=draws)(seed, 1)


def test_concat_shuffles_what_is_drawn_again_among_the_others() -> None:
    order = EpochOrder(300, 300, "concat", draws=repeated_draws(np.full(300, 2.0)))(3, 1)
    assert len(order) == 900
    assert 250 < sum(position < 300 for position in order[:450]) < 350


@pytest.mark.parametrize("mix", MIXES)
def test_without_sampling_no_sample_counts_as_repeated(mix: PseudoMix) -> None:
    order = EpochOrder(5, 2, mix, 0.5, 2)
    assert set(order.earlier(order(1, 1))) == {0}
    resampled = EpochOrder(5, 2, mix, 0.5, 2, repeated_draws(np.full(5, 2.0)))
    found = resampled(1, 1)
    assert resampled.earlier(found) == [
        found[:place].count(position) for place, position in enumerate(found)
    ]


def test_without_pseudo_labels_the_mix_means_nothing() -> None:
    for mix in ("first", "concat", "ratio", "only"):
        assert EpochOrder(9, 0, mix)(1, 1) == EpochOrder(9)(1, 1)


def test_what_cannot_be_ordered_is_refused() -> None:
    with pytest.raises(UsageError, match="no training images"):
        EpochOrder(0)
    with pytest.raises(UsageError, match="batches of two images or more") as caught:
        EpochOrder(4, 4, "ratio", 0.5, 1)
    assert caught.value.parameter == "pseudo.mix"
