"""Comparing runs of the team image by image, by the counts that their submissions share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.experiment.recorded_runs import StoredRun
from toolkit.metrics.bootstrap import PairedDifference, paired_difference
from toolkit.metrics.counts_file import CountsFile, read_counts
from toolkit.metrics.scores import build_metrics, metric_title
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.component_text import parse_component
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.records.record import record_counts
from toolkit.submission.side_car import counts_path
from toolkit.submission.team_record import submission_records

_SETS = ("validation", "test")


@dataclass(frozen=True)
class ImagesCompared:
    """How much better the submission of one run is than that of another on the same images.

    Attributes:
        split: "validation" or "test".
        metric: by which they are compared: the first run's.
        images: number of them.
        difference: positive where the first is the better one.
    """

    split: str
    metric: str
    images: int
    difference: PairedDifference

    def __str__(self) -> str:
        title, score = metric_title(self.metric), self.difference.score
        of = f"on the same {self.images} {self.split} images, as submitted"
        if score is None:
            return f"no comparison {of}: one has no {title}"
        if score == 0:
            return f"the same {title} {of}"
        verdict = "better" if score > 0 else "worse"
        interval = self.difference.interval
        sure = f", 95 % interval {interval.low:+.4f} to {interval.high:+.4f}" if interval else ""
        noise = ": within noise" if self.difference.within_noise else ""
        return f"A is {abs(score):.4f} {verdict} than B by {title} {of}{sure}{noise}"


def metric_of(run: StoredRun) -> ComponentSpec | None:
    """Return the metric that decided a run; None as long as it has no score."""
    outcome = run.record.outcome
    return parse_component(outcome.scores.metric) if outcome is not None else None


def compare_images(
    project: Project, registry: Registry, first: StoredRun, second: StoredRun
) -> list[ImagesCompared]:
    """Compare the submissions of two runs on every set of images that both were scored on.

    Nothing is predicted: the counts lie beside the submissions, or beside their records.

    Args:
        project: has the records and one's own submissions.
        registry: has the metric of the first run, see `metric_of`.
        first: a run.
        second: another one.

    Returns:
        Nothing where a run has no submission, or its counts are not here.
    """
    spec = metric_of(first)
    counts = [_counts(project, each) for each in (first, second)]
    one, other = counts
    if spec is None or one is None or other is None or one.class_names != other.class_names:
        return []
    metrics = build_metrics(registry, spec, Context(one.class_names))
    found = []
    for split in _SETS:
        ours, theirs = one.counts(split), other.counts(split)
        if ours is None or theirs is None:
            continue
        a, b = one.sets[split], other.sets[split]
        if a.images != b.images or not a.images:
            continue
        # Every metric takes counts with boundaries; one that looks at these takes its own alone.
        if any(metrics.boundary not in (None, each.boundary) for each in (a, b)):
            continue
        difference = paired_difference(metrics.metric, [(ours, theirs)])
        found.append(ImagesCompared(split, metrics.deciding, len(a.images), difference))
    return found


def _counts(project: Project, run: StoredRun) -> CountsFile | None:
    """Return the counts of a run's submission, from where they are first found."""
    outcome = run.record.outcome
    if outcome is None or outcome.submission is None:
        return None
    for path in _places(project, run.record.name, outcome.submission):
        try:
            found = read_counts(path)
        except UsageError:  # not here, or broken
            continue
        if found.of == outcome.submission:
            return found
    return None


def _places(project: Project, name: str, digest: str) -> Iterator[Path]:
    yield counts_path(project.submissions / f"{name}.csv")
    records, _ = submission_records(project)
    for each in records:
        if each.record.digest == digest:
            yield record_counts(each.path)
