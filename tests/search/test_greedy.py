from __future__ import annotations

from toolkit.search.greedy import Counts, select_greedily


def test_it_finds_the_weights_of_a_target() -> None:
    """The score is highest at two parts of the first and one of the third."""

    def score(counts: Counts) -> float:
        total = sum(counts)
        shares = [count / total for count in counts]
        return -sum(abs(a - b) for a, b in zip(shares, (2 / 3, 0, 1 / 3), strict=True))

    assert select_greedily(score, 3, rounds=12) == (2, 0, 1)


def test_the_best_set_on_the_way_wins_not_the_last() -> None:
    seen: list[Counts] = []

    def score(counts: Counts) -> float:
        seen.append(counts)
        return -abs(sum(counts) - 2)

    assert sum(select_greedily(score, 2, rounds=5)) == 2
    assert max(map(sum, seen)) == 5


def test_ties_go_to_the_first_member_and_the_smaller_set() -> None:
    assert select_greedily(lambda counts: 1.0, 3, rounds=4) == (1, 0, 0)
