"""Writing a combination of candidates as checkpoints and a file for `trash submit`."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.ensemble.combination import SUFFIX, Combination, FitScores, FittedMember
from toolkit.files import unused_path
from toolkit.plugin.component import ComponentSpec
from toolkit.predict.member import Member
from toolkit.predict.members import MemberRef
from toolkit.project import Project
from toolkit.recipe.problems import shown_path
from toolkit.search.candidates import Candidate
from toolkit.search.results import CombinationResult
from toolkit.submission.side_car import portable_path

_WEIGHTED = ("mean", "geometric", "power")


def is_plain(way: CombinationResult, members: Sequence[Sequence[Member]]) -> bool:
    """Whether `trash submit` needs only the checkpoints, and no file, for a combination.

    Then it is an unweighted mean of all of them, and so is what the first one's recipe says.

    Args:
        way: how candidates are combined.
        members: the checkpoints of every candidate.
    """
    mean = ComponentSpec(name="mean")
    own = [members[candidate] for candidate in way.members]
    recipe = own[0][0].recipe
    return (
        way.ensemble == recipe.ensemble == mean
        and not (way.postprocess or recipe.postprocess or recipe.member_postprocess)
        and len({len(each) for each in own}) == 1
    )


def as_combination(
    way: CombinationResult,
    members: Sequence[Sequence[Member]],
    *,
    fitted: FitScores,
    root: Path,
) -> Combination:
    """Return a combination as `trash submit --combine` reads it.

    The runs of a series share the weight of their candidate; votes, ranks and the largest
    probability have no weights, so that every run counts. Stacking then adds the logarithms of the
    runs, where it was fitted to one run per image: out of fold there is only one.

    Args:
        way: how candidates are combined.
        members: the checkpoints of every candidate.
        fitted: how good it is.
        root: the project folder.
    """
    own = [members[candidate] for candidate in way.members]
    return Combination(
        ensemble=_for_runs(way.ensemble, [len(each) for each in own]),
        postprocess=way.postprocess,
        members=tuple(
            FittedMember(portable_path(m.path, root), m.digest, m.views.text)
            for each in own
            for m in each
        ),
        fitted=fitted,
    )


def _for_runs(spec: ComponentSpec, n_runs: Sequence[int]) -> ComponentSpec:
    if all(count == 1 for count in n_runs) or spec.name not in (*_WEIGHTED, "stacking"):
        return spec
    parameters: dict[str, Any] = dict(spec.parameters)
    weights = parameters.get("weights") or [1] * len(n_runs)
    if spec.name in _WEIGHTED:
        common = math.lcm(*n_runs)
        shared = [weight * common // n for weight, n in zip(weights, n_runs, strict=True)]
    else:
        shared = [_divided(rows, n) for rows, n in zip(weights, n_runs, strict=True)]
    parameters["weights"] = [w for w, n in zip(shared, n_runs, strict=True) for _ in range(n)]
    return ComponentSpec(name=spec.name, **parameters)


def _divided(numbers: Any, by: int) -> Any:
    return [_divided(each, by) for each in numbers] if isinstance(numbers, list) else numbers / by


def submit_command(
    way: CombinationResult,
    candidates: Sequence[Candidate],
    file: Path | None,
    options: Mapping[str, Path | str | None],
) -> str:
    """Return the command line that submits a combination.

    Args:
        way: how candidates are combined.
        candidates: what was searched.
        file: the combination; None for a plain mean.
        options: name -> value of those that the search had too; None = not given.
    """
    members = [each for row in way.members for each in candidates[row].members]
    words = ["trash", "submit"]
    words += ["--ensemble"] if len(members) > 1 else []
    words += map(_word, members)
    words += ["--combine", shown_path(file)] if file is not None else []
    for name, value in options.items():
        words += [name, str(value)] if value is not None else []
    return shlex.join(words)


def _word(member: MemberRef) -> str:
    path = shown_path(member.path)
    return path if member.views is None else f"{path}@{member.views}"


def default_combination(way: CombinationResult, project: Project) -> Path:
    """Return where a combination goes by default: named by the time in UTC and the method."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    method = "-".join("".join(c if c.isalnum() else " " for c in way.name).split())
    return unused_path(project.submissions / "ensembles" / f"{moment}-{method[:60]}{SUFFIX}")
