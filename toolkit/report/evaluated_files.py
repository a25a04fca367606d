"""Submission files against a truth, for the page of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from toolkit.data.photo_rules import with_rules_of_sizes
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.formats.label_rows import sampling_of
from toolkit.recipe.problems import shown_path
from toolkit.report.evaluation import Evaluated, EvaluationResult, undecided
from toolkit.report.image_cards import LabelsOf, ShownLabels
from toolkit.report.submission_sheet import require_photos
from toolkit.submission.scored_files import ScoredFiles, ScoringPlan, score_files
from toolkit.submission.selection import pick
from toolkit.submission.spec import SpecSource, photos_of
from toolkit.workspace import Workspace


def evaluate_files(
    workspace: Workspace, plan: ScoringPlan, truth: Path, data_root: Path | None
) -> EvaluationResult:
    """Score submission files, and make their labels ready to be shown.

    Args:
        workspace: has the components of the plan; is told what is odd.
        plan: what is to be scored.
        truth: as the command line names it, for people.
        data_root: the folder of the photos on this machine.

    Raises:
        UsageError: a file is not valid, or holds other images than the truth; the annotations are
            wrong; photos are not in `data_root`.
    """
    names = _names(plan.files)
    found = score_files(workspace, plan)
    photos, missing = _photos(workspace, found, plan.sources[0], data_root)
    shown = (found.truth, *found.files[:2])

    def labels(rows: Sequence[int]) -> ShownLabels:
        picked = pick(shown, [found.image_ids[row] for row in rows])
        maps = dict(zip(rows, (each for _, each in picked), strict=True))

        def of(number: int) -> LabelsOf:
            return lambda row: maps[row][number]

        truth_of, *predicted = map(of, range(len(shown)))
        return ShownLabels(tuple(predicted), truth_of)

    evaluated = [
        Evaluated(name, counts, (("submission", shown_path(path)), ("format", source.format.name)))
        for name, path, counts, source in zip(
            names, plan.files, found.counts, plan.sources, strict=True
        )
    ]
    warnings = [each for source in plan.sources for each in source.warnings]
    return EvaluationResult(
        evaluated=tuple(evaluated),
        truth=shown_path(truth),
        image_ids=found.image_ids,
        metrics=found.metrics,
        size=sampling_of(found.files[0].format).size,
        photos=photos,
        labels=labels,
        warnings=(*dict.fromkeys(warnings), *missing, *undecided(evaluated, found.metrics)),
    )


def _names(files: Sequence[Path]) -> list[str]:
    """Return a short name of each file, or its path where two have one name.

    Raises:
        UsageError: a file is named twice.
    """
    if len({each.resolve() for each in files}) < len(files):
        raise UsageError("the same file is named twice")
    short = [each.name for each in files]
    return short if len(set(short)) == len(short) else [shown_path(each) for each in files]


def _photos(
    workspace: Workspace, found: ScoredFiles, source: SpecSource, data_root: Path | None
) -> tuple[Split | None, list[str]]:
    """Return the images in the order of the counts with their photos; None, and why, without.

    Raises:
        UsageError: photos are not in `data_root`.
    """
    try:
        known = _known_photos(workspace, found, source, data_root)
        require_photos(known, found.image_ids)
    except UsageError as error:
        if data_root is not None:
            raise
        return None, [f"images are left out: {error.message}. {error.hint}".rstrip()]
    row_of = {name: row for row, name in enumerate(known.file_names)}
    return known.part(known.name, [row_of[name] for name in found.image_ids]), []


def _known_photos(
    workspace: Workspace, found: ScoredFiles, source: SpecSource, data_root: Path | None
) -> Split:
    split = found.split
    if split is None:
        return photos_of(workspace, source, data_root)
    roots = [data_root or split.root, workspace.project.path(source.image_root)]
    here = [each for each in roots if all((each / name).is_file() for name in split.file_names[:1])]
    split = replace(split, root=here[0] if here and data_root is None else roots[0])
    return with_rules_of_sizes(split, source.data, source.exif_applied, source.photos)
