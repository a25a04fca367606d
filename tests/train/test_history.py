from __future__ import annotations

from toolkit.train.history import History


def _history(*scores: float | None) -> History:
    return History([{"epoch": n, "val_miou": score} for n, score in enumerate(scores, 1)])


def test_the_earlier_of_two_equal_epochs_is_best() -> None:
    best = _history(0.1, 0.5, None, 0.5, 0.4).best
    assert best is not None
    assert best["epoch"] == 2


def test_patience_counts_epochs_since_the_best_one() -> None:
    assert not _history(0.5, 0.4).is_stale(2)
    assert _history(0.5, 0.4, 0.5).is_stale(2)
    assert not _history(0.5, 0.4, 0.6).is_stale(2)
    assert not _history(0.5, 0.4, 0.3).is_stale(0)
    assert not _history().is_stale(1)


def test_without_validation_the_last_epoch_is_best_and_patience_means_nothing() -> None:
    history = _history(None, None, None)
    assert history.best is None
    history.validates = False
    assert history.best is history.epochs[-1]
    assert not history.is_stale(1)
    assert History(validates=False).best is None


def test_an_epoch_without_validation_uses_up_no_patience() -> None:
    assert not _history(None, 0.5, None).is_stale(1)
    assert _history(None, 0.5, None, 0.4).is_stale(2)
