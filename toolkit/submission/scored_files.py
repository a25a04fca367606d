"""Scoring submission files against a truth: annotations, those of a recipe, or another file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toolkit.data.sources import AnnotationFile
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.formats.label_rows import sampling_of
from toolkit.metrics.scores import Metrics, build_metrics
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.component_text import parse_component
from toolkit.plugin.interfaces import Context
from toolkit.project import Project
from toolkit.submission.aligned import Readable
from toolkit.submission.diff import compare
from toolkit.submission.named_files import (
    NamedFiles,
    SubmissionOptions,
    deciding_metric,
    name_files,
    require_file,
    source_to_score,
)
from toolkit.submission.score import count_submission
from toolkit.submission.spec import SpecSource, refuse_contradiction, truth_split
from toolkit.submission.truth import TruthLabels, truth_file
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class ScoringOptions:
    """The options of the commands that score files.

    Attributes:
        recipe: `--recipe`, which says how they are written and what decides.
        size: `--size` of the maps, "HEIGHTxWIDTH", in place of a recipe.
        on_empty: what to do with annotations that cover no pixel; None = as the recipe says.
        metric: `--metric`, which decides.
        data: `--data`, the folder of photos and annotations on this machine.
    """

    recipe: Path | None = None
    size: str | None = None
    on_empty: Literal["refuse", "skip"] | None = None
    metric: str | None = None
    data: Path | None = None


@dataclass(frozen=True)
class ScoringPlan:
    """What is to be scored against what, before any component is loaded.

    Attributes:
        files: the submission files.
        sources: who says how each is written.
        metric: the one that decides; None = the default.
        annotations: the truth, unless it is another submission file.
        named: the truth and the files, where the truth is another file.
    """

    files: tuple[Path, ...]
    sources: tuple[SpecSource, ...]
    metric: ComponentSpec | None
    annotations: AnnotationFile | None
    named: NamedFiles | None

    @property
    def components(self) -> list[tuple[str, ComponentSpec]]:
        """Kind and name of the components that are needed."""
        metric = [("metric", self.metric)] if self.metric is not None else []
        truth = self.annotations.data.components if self.annotations is not None else []
        return [*metric, *truth, *(each for one in self.sources for each in one.components)]


@dataclass(frozen=True)
class ScoredFiles:
    """Submission files whose pixels are counted.

    Attributes:
        counts: of every image by each file, see `Counting`.
        image_ids: the images, in the order of the counts.
        metrics: of the contest.
        truth: what they were counted against, as large as the maps of the first file.
        files: the files.
        split: the annotated images, unless the truth is another file.
    """

    counts: tuple[NDArray[np.int64], ...]
    image_ids: tuple[str, ...]
    metrics: Metrics
    truth: Readable
    files: tuple[Readable, ...]
    split: Split | None


def plan_scoring(
    files: Sequence[Path], truth: Path, options: ScoringOptions, project: Project
) -> ScoringPlan:
    """Find out how files and truth are to be read.

    Args:
        files: the submission files.
        truth: annotations, a recipe that names them, or another submission file.
        options: those of the command line.
        project: relative paths are relative to its folder.

    Raises:
        UsageError: a file is missing, options contradict each other, or nobody says how a file is
            written.
    """
    recipe = options.recipe
    if recipe is not None and options.size is not None:
        raise UsageError("give --recipe or --size, not both")
    for path in files:
        require_file(path, project)
    if options.metric is not None:
        metric: ComponentSpec | None = parse_component(options.metric)
    else:
        decided = files if options.size is None else []
        metric = deciding_metric(decided, truth, recipe, project)
    sources = [
        source_to_score(path, project, recipe, options.size, options.on_empty) for path in files
    ]
    own = sources[0].data, project.path(sources[0].image_root)
    annotations = truth_file(truth, project, options.data, own)
    if annotations is not None:
        return ScoringPlan(tuple(files), tuple(sources), metric, annotations, None)
    named = name_files([truth, *files], SubmissionOptions(recipe), project)
    return ScoringPlan(
        tuple(files), tuple(named.sources[path] for path in files), metric, None, named
    )


def score_files(workspace: Workspace, plan: ScoringPlan) -> ScoredFiles:
    """Count the pixels of the files.

    Args:
        workspace: has the components of the plan; is told what is odd in the truth.
        plan: what is to be scored.

    Raises:
        UsageError: a file is not valid, or holds other images than the truth; the annotations are
            wrong.
    """
    if plan.annotations is None:
        return _by_file(workspace, plan)
    return _by_annotations(workspace, plan, plan.annotations)


def _metrics(workspace: Workspace, plan: ScoringPlan, class_names: tuple[str, ...]) -> Metrics:
    return build_metrics(workspace.registry, plan.metric, Context(class_names))


def _by_annotations(
    workspace: Workspace, plan: ScoringPlan, annotations: AnnotationFile
) -> ScoredFiles:
    split = truth_split(workspace, annotations, plan.sources[0].data)
    class_names = split.labels.class_names
    metrics = _metrics(workspace, plan, class_names)
    counting = metrics.counting(split.ignore_index)
    counts, files = [], []
    for path, source in zip(plan.files, plan.sources, strict=True):
        context = Context(class_names)
        format_ = workspace.registry.build("submission_format", source.format, context)
        refuse_contradiction(path, format_, class_names)
        counts.append(count_submission(path, format_, split, counting, workspace.progress))
        files.append(Readable(path, format_, class_names))
    sampling = sampling_of(files[0].format)
    labels = TruthLabels(split, sampling.size, sampling.nearest)
    truth = Readable(split.file, labels, class_names, split.ignore_index)
    return ScoredFiles(tuple(counts), split.file_names, metrics, truth, tuple(files), split)


def _by_file(workspace: Workspace, plan: ScoringPlan) -> ScoredFiles:
    """Count by the labels of another file."""
    assert plan.named is not None
    truth, *files = plan.named.readable(workspace)
    metrics = _metrics(workspace, plan, tuple(truth.class_names))
    found = [compare(truth, each, boundary=metrics.boundary) for each in files]
    return ScoredFiles(
        tuple(each.counts for each in found),
        found[0].image_ids,
        metrics,
        truth,
        tuple(files),
        None,
    )
