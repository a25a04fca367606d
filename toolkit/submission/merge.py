"""A majority vote of submission files: an ensemble without any checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, inf, lcm
from pathlib import Path

import numpy as np

from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.registry import PluginFailure
from toolkit.progress import Progress
from toolkit.submission.aligned import Labels, Readable, read_together
from toolkit.submission.check import CheckReport
from toolkit.submission.class_balance import share_warnings
from toolkit.submission.record import make_file_side_car
from toolkit.submission.spec import Expectation, SpecSource
from toolkit.submission.team_record import write_with_record
from toolkit.submission.write import write_checked
from toolkit.wording import counted
from toolkit.workspace import Workspace

_MOST = 2**62
"""Bound of the sum of the whole weights: int64 holds the votes."""


def parse_weights(text: str, n_files: int) -> tuple[float, ...]:
    """Return the numbers of a text such as "0.4,0.6", one per file.

    Raises:
        UsageError: not numbers, another number of them, negative ones, or zeros alone.
    """
    try:
        weights = tuple(map(float, text.split(",")))
    except ValueError:
        raise UsageError(
            f"--weights {text}: not numbers", "Write one per file, as in --weights 0.4,0.6."
        ) from None
    if len(weights) != n_files:
        raise UsageError(
            f"--weights {text}: {counted(len(weights), 'weight', 'weights')} for {n_files} files"
        )
    if not all(0 <= weight < inf for weight in weights) or not any(weights):
        raise UsageError(f"--weights {text}: each must be 0 or more, and one must be above 0")
    return weights


def whole_weights(weights: Sequence[float]) -> tuple[int, ...]:
    """Return whole numbers in the ratio of decimal ones: 0.4, 0.6 -> 2, 3.

    With whole weights a tie is a tie: 0.1 + 0.2 and 0.3 have equal votes, which floats would not.

    Raises:
        UsageError: too many digits.
    """
    values = [Fraction(str(weight)) for weight in weights]
    scale = lcm(*(value.denominator for value in values))
    wholes = [int(value * scale) for value in values]
    divisor = gcd(*wholes)
    if sum(wholes) // divisor >= _MOST:
        shown = ",".join(map(str, weights))
        raise UsageError(f"weights {shown}: too many digits", "Round them to six digits.")
    return tuple(whole // divisor for whole in wholes)


def vote(labels: Sequence[Labels], weights: Sequence[int]) -> Labels:
    """Return the label of most votes of every pixel.

    Of labels with equal votes, the one wins that the heaviest file voted for; of files with equal
    weights, the first counts as heavier.

    Args:
        labels: uint8 (H, W) of each file.
        weights: votes of each file, 0 or more, not all 0.

    Returns:
        uint8 (H, W).
    """
    cast = np.stack([each.ravel() for each in labels])
    decided: Labels = cast[0].copy()
    disputed = np.flatnonzero((cast[1:] != cast[0]).any(axis=0))
    cast = cast[:, disputed]
    winner, most = cast[0], np.zeros(disputed.size, np.int64)
    for file in sorted(range(len(weights)), key=lambda file: -weights[file]):
        votes = np.zeros(disputed.size, np.int64)
        for each, weight in zip(cast, weights, strict=True):
            votes += weight * (each == cast[file])
        # The heaviest file was looked at first: only more votes beat it.
        more = votes > most
        winner, most = np.where(more, cast[file], winner), np.where(more, votes, most)
    decided[disputed] = winner
    height, width = labels[0].shape
    return decided.reshape(height, width)


def merge(
    files: Sequence[Readable],
    weights: Sequence[int],
    output: Path,
    image_ids: Sequence[str],
    progress: Progress,
) -> CheckReport:
    """Write the vote of submission files, checked, in the format of the first.

    Args:
        files: files of the same images and classes; the order of their rows does not matter.
        weights: votes of each file.
        output: the file to write.
        image_ids: the images in the order of rows.
        progress: told while writing.

    Raises:
        UsageError: the files differ in classes, sizes or images, or one of them is broken; nothing
            is kept.
    """
    n_classes = len(files[0].class_names)
    decided = (vote(labels, weights) for _, labels in read_together(files, image_ids))
    return write_checked(output, files[0].format, decided, image_ids, n_classes, progress)


@dataclass(frozen=True)
class MergeResult:
    """What was merged.

    Attributes:
        report: of the check of the file.
        side_car: the JSON beside it.
        warnings: what looks wrong in it.
        failures: plugins that could not be told of it.
    """

    report: CheckReport
    side_car: Path
    warnings: tuple[str, ...]
    failures: tuple[PluginFailure, ...]


def submit_merged(
    workspace: Workspace,
    paths: Sequence[Path],
    files: Sequence[Readable],
    weights: Sequence[float],
    votes: Sequence[int],
    output: Path,
    *,
    source: SpecSource,
    expected: Expectation,
) -> MergeResult:
    """Write the vote of submission files with its side-car, and tell the plugins.

    Args:
        workspace: the project, its components, and who is told what happens.
        paths: the files as the side-car records them.
        files: how to read each of them.
        weights: of each file, as the side-car records them; empty = equal.
        votes: the same as whole numbers, see `whole_weights`.
        output: the file to write.
        source: said what it should hold.
        expected: what it should hold.

    Raises:
        UsageError: as of `merge`.
    """
    report = merge(files, votes, output, expected.image_ids, workspace.progress)
    side_car = make_file_side_car(
        workspace,
        output,
        source,
        expected,
        report,
        files=paths,
        combine=ComponentSpec(name="vote", **({"weights": list(weights)} if weights else {})),
    )
    path = write_with_record(workspace.project, output, side_car)
    failures = workspace.registry.notify(
        "trash_submission_written", path=output, side_car=side_car.as_json()
    )
    odd = share_warnings(report.class_shares, source.validation_shares, expected.class_names)
    return MergeResult(report, path, (*report.warnings, *odd), tuple(failures))
