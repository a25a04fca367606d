"""Recording how a submission was made."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from toolkit import __version__
from toolkit.data.contest import Contest
from toolkit.ensemble.decide import EnsembleScores
from toolkit.files import file_digest
from toolkit.metrics.confusion import Scores
from toolkit.packages import package_versions
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.parameters import validate
from toolkit.plugin.registry import Registry
from toolkit.predict.member import Member
from toolkit.recipe.schema import Recipe
from toolkit.submission.check import CheckReport
from toolkit.submission.side_car import SideCar, SideCarMember, portable_path


def make_side_car(
    submission: Path,
    recipe: Recipe,
    contest: Contest,
    registry: Registry,
    members: Sequence[Member],
    report: CheckReport,
    *,
    found: EnsembleScores | None,
    score: Scores | None,
    root: Path,
) -> SideCar:
    """Return the side-car of a written and checked submission.

    Args:
        submission: the file.
        recipe: how it was combined, postprocessed and written.
        contest: whose test split it is of.
        registry: where the components are found.
        members: what was combined, in order.
        report: of the check.
        found: validation scores of what is submitted and of each member; None = not validated.
        score: scores against the truth, if it is known.
        root: the project folder that paths are relative to.
    """
    assert contest.test is not None
    sample = contest.sample_submission
    alone: Sequence[Scores | None] = found.members if found else [None] * len(members)
    return SideCar(
        file=submission.name,
        digest=file_digest(submission),
        n_rows=report.n_rows,
        format=_with_defaults("submission_format", recipe.submission, registry),
        test=portable_path(contest.test.file, root),
        sample_submission=portable_path(sample, root) if sample else None,
        class_names=contest.class_names,
        overlap=recipe.data.overlap,
        class_shares=report.class_shares,
        members=tuple(
            SideCarMember(
                checkpoint=portable_path(member.path, root),
                digest=member.digest,
                model=member.recipe.model,
                image_size=member.checkpoint.image_size,
                views=member.views.text,
                validation=asdict(own) if own else {},
            )
            for member, own in zip(members, alone, strict=True)
        ),
        combine=_with_defaults("ensembler", recipe.ensemble, registry),
        postprocess=tuple(
            _with_defaults("postprocessor", spec, registry) for spec in recipe.postprocess
        ),
        validation=found.combined if found else None,
        score=score,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["trash", *sys.argv[1:]]),
        versions={"trash": __version__, **package_versions()},
    )


def _with_defaults(kind: str, spec: ComponentSpec, registry: Registry) -> ComponentSpec:
    """Return a component with the values of the parameters that its recipe leaves out."""
    values, _ = validate(registry.parameters(registry.find(kind, spec.name)), spec.parameters)
    assert values is not None  # it was built before
    return ComponentSpec(name=spec.name, **values.model_dump(mode="json"))
