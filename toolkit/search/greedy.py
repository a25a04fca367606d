"""Greedy selection of members with replacement (Caruana et al., 2004)."""

from __future__ import annotations

import math
from collections.abc import Callable

Counts = tuple[int, ...]
"""How often each member is in the mean."""


def select_greedily(score: Callable[[Counts], float], n_members: int, rounds: int) -> Counts:
    """Add the member that helps the mean most, again and again; the best set on the way wins.

    A member may be added several times, which makes its weight. Equal scores go to the member that
    comes first, and to the smaller set.

    Args:
        score: of a mean in which every member counts so often; larger is better.
        n_members: members to choose from.
        rounds: most members that are added.
    """
    chosen: Counts = (0,) * n_members
    best, best_score = chosen, -math.inf
    for number in range(rounds):
        added = [_with_one_more(chosen, member) for member in range(n_members)]
        scores = [score(counts) for counts in added]
        found = max(scores)
        chosen = added[scores.index(found)]
        if number == 0 or found > best_score:  # where nothing has a score, one member is a mean
            best, best_score = chosen, found
    return best


def _with_one_more(counts: Counts, member: int) -> Counts:
    return tuple(count + (place == member) for place, count in enumerate(counts))
