"""A few images of a contest, to try something on.

Which ones: the images of a split are shuffled by a seed. As long as some image shows a class that
no chosen one shows, the one with most of such classes is chosen, the first of several; then the
first ones that are left. As many images as there are classes show every class that occurs; fewer
ones may.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

from toolkit.data.contest import Contest
from toolkit.data.split import Split
from toolkit.seeds import Stream, generator


def limited_contest(contest: Contest, n_images: int, seed: int) -> Contest:
    """Return a contest with at most so many images of each split.

    The truth has the images of the test split. A split that has no more images stays as it is.
    """
    test, truth = contest.test, contest.truth
    if test is not None:
        test = excerpt(test, n_images, seed)
    if test is not None and truth is not None and test is not contest.test:
        names = set(test.file_names)
        truth = truth.excerpt([row for row, name in enumerate(truth.file_names) if name in names])
    return replace(
        contest,
        train=excerpt(contest.train, n_images, seed),
        val=excerpt(contest.val, n_images, seed),
        test=test,
        truth=truth,
    )


def contest_to_overfit(contest: Contest, n_images: int, seed: int) -> Contest:
    """Return a contest that validates on the images that it trains on, at most so many."""
    train = excerpt(contest.train, n_images, seed)
    return replace(contest, train=train, val=replace(train, name="val"), test=None, truth=None)


def excerpt(split: Split, n_images: int, seed: int) -> Split:
    """Return at most so many images of a split, in its order."""
    if n_images >= len(split):
        return split
    rows = chosen_rows(split.labels_of_images, n_images, seed)
    return split.excerpt(sorted(rows))


def chosen_rows(labels: Sequence[Set[int]], n_rows: int, seed: int) -> list[int]:
    """Return the positions of the chosen images, see above.

    Args:
        labels: which labels each image shows.
        n_rows: how many to choose; at most as many as there are.
        seed: of the shuffling.
    """
    left = [int(row) for row in generator(Stream.EXCERPT, seed).permutation(len(labels))]
    missing = set().union(*labels)
    chosen: list[int] = []
    while missing and len(chosen) < n_rows:
        best = max(left, key=lambda row: len(labels[row] & missing))
        chosen.append(best)
        left.remove(best)
        missing -= labels[best]
    return chosen + left[: n_rows - len(chosen)]
