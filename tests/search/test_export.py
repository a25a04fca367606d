from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.miou import MIOU
from toolkit.ensemble.combination import Combination, FitScores
from toolkit.plugin.component import ComponentSpec
from toolkit.predict.member import Member
from toolkit.predict.members import MemberRef
from toolkit.search.candidates import Candidate
from toolkit.search.cross_validation import unfitted
from toolkit.search.export import as_combination, is_plain, submit_command
from toolkit.search.results import CombinationResult, CombinationResults

MEAN = ComponentSpec(name="mean")
FITTED = FitScores("greedy", 6, 0.5, 0.4, 0.3)


def _way(members: Sequence[int], name: str, **parameters: Any) -> CombinationResult:
    ways = CombinationResults()
    scored = unfitted(np.ones((2, 2, 2), np.int64), MIOU)
    spec = ComponentSpec(name=name, **parameters)
    ways.add(name, members, spec, scored, is_fitted=False)
    return ways.best()


@dataclass(frozen=True)
class _Views:
    text: str = "none"


@dataclass(frozen=True)
class _Recipe:
    ensemble: ComponentSpec = MEAN
    postprocess: tuple[ComponentSpec, ...] = ()
    member_postprocess: tuple[ComponentSpec, ...] = ()


PLAIN = _Recipe()


@dataclass(frozen=True)
class _Member:
    """What is read of a member."""

    path: Path = Path("a.pt")
    recipe: _Recipe = PLAIN
    digest: str = "0"
    views: _Views = _Views()


def _members(*n_runs: int, recipe: _Recipe = PLAIN) -> list[list[Member]]:
    return [[cast(Member, _Member(recipe=recipe))] * n for n in n_runs]


def _combination(way: CombinationResult, members: list[list[Member]]) -> Combination:
    return as_combination(way, members, fitted=FITTED, root=Path())


def test_a_mean_of_series_of_one_length_needs_no_file() -> None:
    assert is_plain(_way((0, 1), "mean"), _members(5, 5))
    assert not is_plain(_way((0, 1), "mean", weights=[2, 1]), _members(5, 5))
    assert not is_plain(_way((0, 1), "geometric"), _members(1, 1))


@pytest.mark.parametrize("part", ["ensemble", "postprocess", "member_postprocess"])
def test_a_mean_of_members_whose_recipe_says_more_needs_a_file(part: str) -> None:
    other = ComponentSpec(name="vote")
    recipe = replace(PLAIN, **{part: other if part == "ensemble" else (other,)})
    assert not is_plain(_way((0, 1), "mean"), _members(1, 1, recipe=recipe))


def test_a_mean_of_series_of_different_lengths_is_not_that_of_all_runs() -> None:
    members, way = _members(1, 3), _way((0, 1), "mean")
    assert not is_plain(way, members)
    assert _combination(way, members).ensemble.parameters == {"weights": [3, 1, 1, 1]}


@pytest.mark.parametrize("name", ["geometric", "power"])
def test_the_runs_of_a_series_share_the_weight_of_their_candidate(name: str) -> None:
    combination = _combination(_way((0, 1), name), _members(2, 1))
    assert combination.ensemble.parameters == {"weights": [1, 1, 2]}


def test_the_line_repeats_the_options_of_the_search() -> None:
    candidates = [Candidate(name, (MemberRef(Path(f"{name}.pt")),)) for name in "ab"]
    line = submit_command(
        _way((0, 1), "mean"),
        candidates,
        None,
        {"--data": Path("my data"), "--store": "f32", "--device": None},
    )
    assert shlex.split(line) == [
        "trash",
        "submit",
        "--ensemble",
        "a.pt",
        "b.pt",
        "--data",
        "my data",
        "--store",
        "f32",
    ]


def test_the_line_names_checkpoints_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    best = tmp_path / "runs" / "unet-001" / "best.pt"
    candidates = [Candidate("unet-001", (MemberRef(best, "hflip"),))]
    line = submit_command(_way((0,), "mean"), candidates, None, {})
    assert line == "trash submit runs/unet-001/best.pt@hflip"
