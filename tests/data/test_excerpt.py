from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tests.small_contests import MakeContest, cache, data_root, make_contest
from toolkit.data.excerpt import (
    chosen_rows,
    contest_to_overfit,
    excerpt,
    limited_contest,
)
from toolkit.data.images import open_images
from toolkit.data.masks import open_masks
from toolkit.progress import SilentProgress

__all__ = ["cache", "data_root", "make_contest"]


def test_every_class_that_occurs_is_kept_by_as_many_images_as_there_are_classes() -> None:
    rng = np.random.default_rng(0)
    for seed in range(40):
        labels = [set(np.flatnonzero(rng.random(5) < 0.2).tolist()) for _ in range(9)]
        occurring = set().union(*labels)
        for n_rows in range(1, 10):
            rows = chosen_rows(labels, n_rows, seed)
            assert len(set(rows)) == len(rows) == n_rows
            shown = set().union(*(labels[row] for row in rows))
            most = max(
                len(set().union(*(labels[row] for row in some)))
                for some in combinations(range(9), n_rows)
            )
            # Choosing the largest share each time reaches 1 - 1/e of the most that is possible.
            assert len(shown) >= most * (1 - 1 / np.e)
            if n_rows >= len(occurring):
                assert shown == occurring


def test_one_rare_image_among_many_is_chosen_with_every_seed() -> None:
    labels = [{1, 2}] * 200
    labels[137] = {3}
    chosen = [chosen_rows(labels, 2, seed) for seed in range(20)]
    assert all(137 in rows for rows in chosen)
    assert len({tuple(rows) for rows in chosen}) > 10
    assert chosen_rows(labels, 2, 4) == chosen[4]


def test_images_without_annotations_are_chosen_by_the_seed_alone() -> None:
    chosen = {tuple(sorted(chosen_rows([frozenset()] * 9, 3, seed))) for seed in range(30)}
    assert len(chosen) > 10


def test_an_excerpt_is_decoded_and_painted_alone_as_it_is_in_the_whole(
    make_contest: MakeContest, tmp_path: Path
) -> None:
    whole = make_contest().train
    few = excerpt(whole, 3, seed=1)
    rows = [whole.file_names.index(name) for name in few.file_names]
    assert rows == sorted(rows)
    assert few.source is None
    assert few.contents == tuple(whole.contents[row] for row in rows)
    assert few.digest not in (whole.digest, excerpt(whole, 4, seed=1).digest)
    progress = SilentProgress()
    for open_ in (open_images, open_masks):
        every = open_(whole, tmp_path / "whole", (24, 32), progress)
        found = open_(few, tmp_path / "few", (24, 32), progress)
        assert len(found) == 3
        for position, row in enumerate(rows):
            np.testing.assert_array_equal(found[position], every[row])
    assert excerpt(whole, 9, seed=1) is whole


def test_a_limited_contest_has_the_truth_of_its_test_images(
    make_contest: MakeContest, data_root: Path
) -> None:
    truth = json.loads((data_root / "test.json").read_text())
    truth["images"].reverse()
    (data_root / "truth.json").write_text(json.dumps(truth))
    contest = limited_contest(make_contest(truth="truth.json"), 2, seed=3)
    assert contest.test is not None
    assert contest.truth is not None
    assert [len(each) for each in (contest.train, contest.val, contest.test)] == [2, 2, 2]
    assert set(contest.truth.file_names) == set(contest.test.file_names)
    whole = make_contest(truth="truth.json")
    assert limited_contest(whole, 100, seed=3) == whole


@pytest.mark.parametrize("n_images", [2, 100])
def test_a_contest_to_overfit_validates_on_what_it_trains_on(
    make_contest: MakeContest, n_images: int
) -> None:
    contest = contest_to_overfit(make_contest(), n_images, seed=0)
    assert contest.val.file_names == contest.train.file_names
    assert len(contest.train) == min(n_images, 9)
    assert (contest.val.name, contest.test, contest.truth) == ("val", None, None)
