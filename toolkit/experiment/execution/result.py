"""The result of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.experiment.execution.learning import Learning
from toolkit.experiment.execution.submit import SubmissionResult
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.scores import by_other_metrics, metric_title, with_error
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.recipe.problems import shown_path
from toolkit.recipe.trial import Trial
from toolkit.train.fit import FitResult
from toolkit.train.history import validation_score

_PER_LINE = 3


@dataclass(frozen=True)
class RunResult:
    """Checkpoints, scores and submission of a run.

    Attributes:
        run: its folder.
        fit: the checkpoints and their scores.
        submission: the leaderboard file, if the recipe has a test split.
        trial: what it was a trial by, whose files are already deleted; None = a real run.
    """

    run: RunFolder
    fit: FitResult
    submission: SubmissionResult | None
    trial: Trial | None = None

    @property
    def kept(self) -> bool:
        """Whether the files are still there."""
        return self.trial is None

    @property
    def learning(self) -> Learning | None:
        """How the network learnt its images by heart; None unless that was tried."""
        if self.trial is None or self.trial.kind != "overfit":
            return None
        return Learning.of(self.fit.records)

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain values."""
        found: dict[str, Any] = {
            "run": str(self.run.path),
            "checkpoint": str(self.fit.best),
            "best_epoch": self.fit.best_epoch,
            "epochs": self.fit.epochs,
            "stopped_early": self.fit.stopped_early,
            "scores": self.fit.scores,
            "larger_is_better": self.fit.larger_is_better,
            "seconds": sum(record["seconds"] for record in self.fit.records),
            "kept": self.kept,
        }
        if self.trial is not None:
            found["trial"] = self.trial.option
        if self.learning is not None:
            found["learning"] = self.learning.as_json()
        if self.submission is not None:
            found["submission"] = self.submission.as_json()
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looks wrong in the submission; nothing is expected of a trial that is not kept."""
        return self.submission.warnings if self.submission is not None and self.kept else ()

    def summary(self) -> Iterator[tuple[str, str]]:
        """Yield (name, value) lines for a person."""
        if self.kept:
            yield "run", shown_path(self.run.path)
            yield "checkpoint", shown_path(self.fit.best)
            if self.run.report.is_file():
                yield "report", shown_path(self.run.report)
        elif self.trial is not None:
            yield "trial", f"{self.trial.option}: nothing is kept, the scores say little"
        if (learning := self.learning) is not None:
            last = f"{learning.last_loss:.4f} in epoch {learning.epochs}"
            yield "loss", f"{learning.first_loss:.4f} in epoch 1, {last}"
            predicts = f"loss {learning.validation_loss:.4f}, mIoU {learning.miou:.4f}"
            yield "predicts", f"{predicts} on the same images"
            yield "verdict", learning.verdict
            return
        scores = self.fit.scores
        # An epoch of before recipes could name a metric says nothing of it.
        metric = scores.get("metric", DEFAULT_METRIC)
        title = metric_title(metric)
        if scores["val_miou"] is None:
            yield "validation", 'none: the validation images were trained on (train.on = "all")'
        else:
            score = f"{title} {validation_score(scores):.4f} (epoch {self.fit.best_epoch})"
            yield "validation", score
            yield from _lines(by_other_metrics(scores.get("val_metrics") or {}, metric))
        if self.submission is not None:
            if self.kept:
                yield "submission", shown_path(self.submission.path)
            yield "rows", f"{self.submission.rows} (checked)"
            if self.submission.score is not None:
                found = self.submission.score
                yield (
                    "score",
                    f"{metric_title(found.metric)} {with_error(found)} on the test split",
                )
                yield from _lines(by_other_metrics(found.metrics, found.metric))


def _lines(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield lines without a name that fit beside others on a terminal."""
    for begin in range(0, len(texts), _PER_LINE):
        yield "", ", ".join(texts[begin : begin + _PER_LINE])
