from __future__ import annotations

import numpy as np
import pytest

from tests.miou import MIOU, miou
from toolkit.metrics.formulas import ClassMetric, class_ious
from toolkit.progress import SilentProgress
from toolkit.search.cross_validation import (
    CrossValidatedScore,
    LeftOut,
    fit_parts,
    gain_over,
    repeated_k_fold,
    score_choices,
    unfitted,
)


def _confusions(n_images: int, right: float, seed: int) -> np.ndarray:
    """Images of 1000 pixels in three classes, of which a share is right."""
    rng = np.random.default_rng(seed)
    found = np.zeros((n_images, 3, 3), np.int64)
    for image in found:
        for target in range(3):
            shares = np.full(3, (1 - right) / 2)
            shares[target] = right
            image[target] = rng.multinomial(rng.integers(50, 500), shares)
    return found


def test_every_image_is_left_out_once_in_every_repeat() -> None:
    division = repeated_k_fold(17, 5, 4, seed=1)
    for repeat in range(4):
        folds = np.stack([division.held_out(repeat, fold) for fold in range(5)])
        assert (folds.sum(0) == 1).all()
        assert folds.sum(1).min() >= 3
        np.testing.assert_array_equal(division.outside((repeat, 2)), ~folds[2])
    assert division.outside(None).all()
    assert (division.fold_of[0] != division.fold_of[1]).any()
    assert repeated_k_fold(3, 5, 1, seed=0).n_folds == 3


def test_a_choice_that_is_luck_gains_nothing_honestly() -> None:
    """Among many coin tosses the best looks good where it was chosen, and only there."""
    options = [_confusions(20, 0.5, seed) for seed in range(60)]
    division = repeated_k_fold(20, 5, 3, seed=0)

    def best(left_out: LeftOut) -> int:
        chosen = division.outside(left_out)
        return int(np.argmax([miou(each[chosen].sum(0)) for each in options]))

    fits = fit_parts(division, best, "choosing", SilentProgress())
    scored = score_choices(fits, division, lambda choice: options[choice], MIOU)
    figures = [unfitted(each, MIOU).honest_score for each in options]
    luck = scored.fitted_score - np.mean(figures)
    assert luck > 1.5 * np.std(figures)
    assert scored.honest_score - np.mean(figures) < luck / 3
    # Slow reference: every held-out image by the choice that was made without it.
    for repeat in range(3):
        for image in range(20):
            fold = division.fold_of[repeat, image]
            expected = options[fits.without[repeat][fold]][image]
            np.testing.assert_array_equal(scored.honest[repeat, image], expected)


def test_a_real_gain_is_clear_and_noise_is_not() -> None:
    plain, better = (unfitted(_confusions(60, right, 5), MIOU) for right in (0.6, 0.65))
    gain = gain_over(better, plain)
    assert gain.clear
    assert gain.score == pytest.approx(better.honest_score - plain.honest_score)
    assert not gain_over(plain, plain).clear
    assert gain_over(plain, plain).error == 0
    assert gain_over(plain, better).worse.tolist() == [0, 1, 2]


def test_no_gain_is_shown_as_a_loss() -> None:
    metric = ClassMetric(class_ious, np.ones(3), larger_is_better=False)
    same = unfitted(_confusions(9, 0.6, 5), metric)
    assert f"{gain_over(same, same).score:+.4f}" == "+0.0000"


def test_a_class_that_is_absent_is_neither_better_nor_worse() -> None:
    found = _confusions(10, 0.6, 1)
    found[:, 2] = 0
    found[:, :, 2] = 0
    gain = gain_over(unfitted(found, MIOU), unfitted(found, MIOU))
    assert np.isnan(gain.classes[2])
    assert gain.worse.size == 0


def test_the_error_is_that_of_images_drawn_anew() -> None:
    ours, plain = _confusions(40, 0.62, 1), _confusions(40, 0.6, 2)
    rng = np.random.default_rng(9)
    drawn = []
    for _ in range(600):
        rows = rng.integers(0, 40, 40)
        drawn.append(miou(ours[rows].sum(0)) - miou(plain[rows].sum(0)))
    error = gain_over(unfitted(ours, MIOU), unfitted(plain, MIOU)).error
    assert error == pytest.approx(float(np.std(drawn)), rel=0.15)


def test_repeats_are_averaged() -> None:
    first, second = _confusions(10, 0.5, 1), _confusions(10, 0.7, 2)
    scored = CrossValidatedScore(first, np.stack([first, second]), MIOU)
    expected = (miou(first.sum(0)) + miou(second.sum(0))) / 2
    assert scored.honest_score == pytest.approx(float(expected))
