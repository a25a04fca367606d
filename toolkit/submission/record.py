"""Recording how a submission was made."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit import __version__
from toolkit.data.contest import Contest
from toolkit.data.photo_rules import reading_of
from toolkit.ensemble.combination import FitScores
from toolkit.errors import UsageError
from toolkit.files import file_digest, file_lock
from toolkit.metrics.scores import Scores
from toolkit.packages import package_versions
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.parameters import validate
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.data_folder import data_file
from toolkit.recipe.schema import Recipe
from toolkit.records.moment import now
from toolkit.submission.check import CheckReport, check_submission
from toolkit.submission.side_car import (
    Leaderboard,
    MergedFile,
    SideCar,
    SideCarMember,
    leaderboard_of,
    portable_path,
    read_side_car,
    side_car_path,
    write_side_car,
)
from toolkit.submission.spec import Expectation, SpecSource, expect
from toolkit.submission.team_record import (
    Stored,
    record_leaderboard,
    side_car_of,
    write_leaderboard,
    write_with_record,
)
from toolkit.workspace import Workspace

if TYPE_CHECKING:  # files alone need no torch
    from toolkit.ensemble.labels_of_stores import EnsembleScores
    from toolkit.predict.member import Member


def make_side_car(
    workspace: Workspace,
    submission: Path,
    recipe: Recipe,
    contest: Contest,
    members: Sequence[Member],
    report: CheckReport,
    *,
    found: EnsembleScores | None,
    score: Scores | None,
    fitted: FitScores | None = None,
) -> SideCar:
    """Return the side-car of a written and checked submission.

    Args:
        workspace: the project, its components, and who is told what happens.
        submission: the file.
        recipe: how it was combined, postprocessed and written.
        contest: whose test split it is of.
        members: what was combined, in order.
        report: of the check.
        found: validation scores of what is submitted and of each member; None = not validated.
        score: scores against the truth, if it is known.
        fitted: how good the combination is on images that it was not fitted to, if it was fitted.
    """
    registry, root = workspace.registry, workspace.project.root
    assert contest.test is not None
    sample = contest.sample_submission
    alone: Sequence[Scores | None] = found.members if found else [None] * len(members)
    digest = file_digest(submission)
    return SideCar(
        file=submission.name,
        digest=digest,
        leaderboard=leaderboard_of(submission, digest),
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
        member_postprocess=tuple(
            _with_defaults("postprocessor", spec, registry) for spec in recipe.member_postprocess
        ),
        postprocess=tuple(
            _with_defaults("postprocessor", spec, registry) for spec in recipe.postprocess
        ),
        validation=found.combined if found else None,
        score=score,
        image_root=portable_path(contest.test.root, root),
        exif_applied=contest.test.exif_applied,
        photos=reading_of(contest.test),
        labels_digest=report.labels_digest,
        validation_shares=found.truth_shares if found else (),
        fitted=fitted,
        reader=recipe.data.format,
        **_circumstances(),
    )


def make_file_side_car(
    workspace: Workspace,
    submission: Path,
    source: SpecSource,
    expected: Expectation,
    report: CheckReport,
    *,
    files: Sequence[Path] = (),
    combine: ComponentSpec | None = None,
) -> SideCar:
    """Return the side-car of a checked file that was made of other files, or elsewhere.

    Args:
        workspace: the project, its components, and who is told what happens.
        submission: the file.
        source: said what it should hold.
        expected: what it should hold.
        report: of the check.
        files: the files that were merged, in order.
        combine: how they were merged.
    """
    project = workspace.project
    data = source.data
    assert data.test is not None
    root = project.path(data.root)
    sample = data.sample_submission
    digest = file_digest(submission)
    return SideCar(
        file=submission.name,
        digest=digest,
        leaderboard=leaderboard_of(submission, digest),
        n_rows=report.n_rows,
        format=_with_defaults("submission_format", source.format, workspace.registry),
        test=portable_path(data_file(root, data.test), project.root),
        sample_submission=portable_path(root / sample, project.root) if sample else None,
        class_names=expected.class_names,
        overlap=data.overlap,
        class_shares=report.class_shares,
        members=(),
        combine=combine,
        postprocess=(),
        validation=None,
        score=None,
        files=tuple(
            MergedFile(portable_path(file, project.root), file_digest(file)) for file in files
        ),
        image_root=portable_path(project.path(source.image_root), project.root),
        exif_applied=source.exif_applied,
        photos=source.photos,
        labels_digest=report.labels_digest,
        validation_shares=source.validation_shares,
        reader=data.format,
        **_circumstances(),
    )


def adopt_file(workspace: Workspace, file: Path, source: SpecSource) -> Path:
    """Check a file that was not made here, write side-car and record; return the side-car's path.

    Args:
        workspace: the project, its components, and who is told what happens.
        file: the submission file.
        source: says what it should hold.

    Raises:
        UsageError: the file is not valid.
    """
    expected = expect(workspace, source)
    report = check_submission(file, expected.format, expected.image_ids, len(expected.class_names))
    if not report.valid:
        raise UsageError(
            f"{file} is not valid, so it is not what the leaderboard scored: {report.problems[0]}",
            f"See all problems: trash submission check {file}",
        )
    side_car = make_file_side_car(workspace, file, source, expected, report)
    return write_with_record(workspace.project, file, side_car)


def record_scores(
    project: Project, submission: Path, public: float | None, private: float | None
) -> tuple[Leaderboard, Leaderboard]:
    """Write leaderboard scores, 0…1, into side-car and record; None keeps what is there.

    Args:
        project: has the records.
        submission: the file, which has a side-car.
        public: of the public leaderboard.
        private: of the private leaderboard.

    Returns:
        What was recorded before, and what is now.

    Raises:
        UsageError: there is no side-car, or it is broken.
    """
    # Read, changed and written by one process at a time: two that record at once both keep theirs.
    with file_lock(side_car_path(submission), lambda: None):
        side_car = read_side_car(side_car_path(submission))
        before = side_car.leaderboard
        after = _with_scores(before, public, private)
        said = replace(side_car, leaderboard=after)
        write_side_car(submission, said)
        if not record_leaderboard(project, side_car.digest, after):  # made before there were any
            write_with_record(project, submission, said)
    return before, after


def record_shared_scores(
    stored: Stored, public: float | None, private: float | None
) -> tuple[Leaderboard, Leaderboard]:
    """Write leaderboard scores into the record of a submission that is not here.

    Returns and raises as `record_scores`.
    """
    with file_lock(stored.path, lambda: None):
        before = side_car_of(stored).leaderboard
        after = _with_scores(before, public, private)
        write_leaderboard(stored, after)
    return before, after


def _with_scores(before: Leaderboard, public: float | None, private: float | None) -> Leaderboard:
    is_new = public is not None and before.public is None
    return Leaderboard(
        public=before.public if public is None else public,
        private=before.private if private is None else private,
        uploaded=now() if is_new else before.uploaded,
    )


def _circumstances() -> dict[str, Any]:
    return {
        "created": now(),
        "command": shlex.join(["trash", *sys.argv[1:]]),
        "versions": {"trash": __version__, **package_versions()},
    }


def _with_defaults(kind: str, spec: ComponentSpec, registry: Registry) -> ComponentSpec:
    """Return a component with the values of the parameters that its recipe leaves out."""
    values, _ = validate(registry.parameters(registry.find(kind, spec.name)), spec.parameters)
    assert values is not None  # it was built before
    return ComponentSpec(name=spec.name, **values.model_dump(mode="json"))
