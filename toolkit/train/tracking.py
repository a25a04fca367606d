"""The trackers of a run: they hear everything, and nothing waits for them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, redirect_stdout
from types import TracebackType
from typing import Self

from toolkit.errors import TrashError, UsageError, in_words
from toolkit.lifetime import limit_exit
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, Tracker
from toolkit.plugin.registry import Registry
from toolkit.plugin.tracker import (
    RunEnd,
    TrackedRun,
    TracksEnd,
    TracksImages,
    TracksScores,
    TracksStart,
    TracksSteps,
    WorstImage,
)
from toolkit.progress import Progress
from toolkit.train.tracker_thread import Call, TrackerThread
from toolkit.wording import counted

AT_THE_START = 5.0
"""Seconds that a training waits for trackers to be made, all together."""

AT_THE_END = 20.0
"""Seconds that a finished run waits for trackers to end, all together."""

WHEN_CUT = 5.0
"""The same when a run failed or was interrupted."""

_FAILED = "failed and is left out from here on"

_UNTOLD = 2.0
"""Seconds of waiting that nobody is told of."""

_WAITING = 1000
"""Messages that may wait for a tracker; further ones are dropped."""

_STEPS_WAITING = 500
"""Steps are dropped first: there are many of them, and of epochs few."""

_POINTS_PER_EPOCH = 100


class Tracking:
    """Makes the trackers of one run and tells them what happens, each in a thread of its own.

    One that fails is told once and left out; one that does not keep up loses what it cannot take,
    and how much is told; one that hangs is left behind at the end. As a context it ends them.

    Args:
        specs: the trackers as the recipe names them.
        registry: makes them.
        run: what they are told first.
        progress: told what goes wrong.
    """

    def __init__(
        self,
        specs: Iterable[ComponentSpec],
        registry: Registry,
        run: TrackedRun,
        progress: Progress,
    ) -> None:
        self._specs = tuple(specs)
        self._registry = registry
        self._run = run
        self._progress = progress
        self._threads: list[TrackerThread] = []
        self._told: set[tuple[TrackerThread, str]] = set()
        self._scores: Mapping[str, float] | None = None
        self._interval = 1
        self._losses: list[float] = []
        self._exits = ExitStack()

    def open(self, context: Context, finished_epochs: int) -> None:
        """Make the trackers; one that cannot be made is told and left out.

        Args:
            context: what is known of the training.
            finished_epochs: that the run has already.

        Raises:
            UsageError: an unknown tracker, a wrong parameter or a missing package.
        """
        if not self._specs:
            return
        for spec in self._specs:
            self._registry.require_package("tracker", spec)
        limit_exit("trackers")
        # What trackers print is no result.
        self._exits.enter_context(redirect_stdout(sys.stderr))
        self._interval = -(-context.steps_per_epoch // _POINTS_PER_EPOCH)
        run = self._run.continued(finished_epochs)
        self._threads = [
            TrackerThread(spec.name, self._maker(spec, context, run)) for spec in self._specs
        ]
        # An import that another thread has begun would never end in loader workers that are forked
        # in the middle of it; and what cannot start is known before the training.
        deadline = time.monotonic() + AT_THE_START
        for thread in self._threads:
            thread.wait_until_made(max(deadline - time.monotonic(), 0.0))
            if isinstance(thread.failure, UsageError):
                self._told.add((thread, _FAILED))
                raise thread.failure
        self._report()

    def _maker(
        self, spec: ComponentSpec, context: Context, run: TrackedRun
    ) -> Callable[[], Tracker]:
        def make() -> Tracker:
            made: Tracker = self._registry.build("tracker", spec, context, run.folder)
            if isinstance(made, TracksStart):
                made.run_started(run)
            return made

        return make

    def log_step(self, step: int, loss: float, figures: Mapping[str, float]) -> None:
        """Tell the figures of a step, of at most 100 steps of an epoch.

        Args:
            step: number of the step in the run, from 1.
            loss: of the step; trackers receive the mean since what they were told before.
            figures: the others.
        """
        if not self._threads:
            return
        self._losses.append(loss)
        if len(self._losses) < self._interval:
            return
        told = {"loss": sum(self._losses) / len(self._losses), **figures}
        self._losses.clear()
        self._tell(TracksSteps, lambda tracker: tracker.log_step(step, dict(told)), _STEPS_WAITING)

    def log(
        self,
        epoch: int,
        figures: Mapping[str, float],
        metrics: Mapping[str, float],
        class_iou: Mapping[str, float],
    ) -> None:
        """Tell the figures of an epoch, and what was scored in it.

        Args:
            epoch: counted from 1.
            figures: the plain figures of its record.
            metrics: score by the name of the metric; empty if it was not validated.
            class_iou: IoU by the name of the class.
        """
        self._losses.clear()
        for thread in self._threads:
            thread.put(lambda tracker: tracker.log(epoch, dict(figures)), _WAITING)
        if metrics or class_iou:
            self._tell(
                TracksScores,
                lambda tracker: tracker.log_scores(epoch, dict(metrics), dict(class_iou)),
                _WAITING,
            )
        self._report()

    def log_images(self, make: Callable[[], Sequence[WorstImage]]) -> None:
        """Tell the worst images; they are made if a tracker wants them, or may yet do so."""
        if not all(each.lacks(TracksImages) for each in self._threads):
            images = make()
            self._tell(TracksImages, lambda tracker: tracker.log_images(images), _WAITING)

    def finished(self, scores: Mapping[str, float]) -> None:
        """Note the scores of the run, which is done: trackers are told them at the end."""
        self._scores = scores

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the trackers; those that have not ended in time are left behind."""
        end = _end_of(self._scores, error)
        last: list[Call] = [_if_able(TracksEnd, lambda tracker: tracker.run_ended(end)), _close]
        with self._exits:
            waiting = [each for each in self._threads if each.failure is None]
            for thread in waiting:
                thread.end(last)
            try:
                self._wait(waiting, AT_THE_END if end.status == "finished" else WHEN_CUT)
            finally:  # Ctrl-C ends the waiting
                self._report()
                for thread in self._threads:
                    self._report_losses(thread, n_last=len(last) + 1)
                self._threads = []

    def _wait(self, threads: Sequence[TrackerThread], seconds: float) -> None:
        begun = time.monotonic()
        for limit, told in ((min(_UNTOLD, seconds), True), (seconds, False)):
            for thread in threads:
                thread.wait_for_end(max(begun + limit - time.monotonic(), 0.0))
            late = [each.name for each in threads if not each.wait_for_end(0)]
            if told and late:
                self._progress.say(f"waiting for {', '.join(late)}, at most {seconds:.0f} seconds")
            elif not late:
                return

    def _tell(self, ability: type, call: Callable[..., None], most: int) -> None:
        for thread in self._threads:
            if not thread.lacks(ability):
                thread.put(_if_able(ability, call), most)

    def _report(self) -> None:
        """Say what has gone wrong since the last time, once for each tracker."""
        for thread in self._threads:
            error = thread.failure
            if error is not None:
                reason = error.message if isinstance(error, TrashError) else in_words(error)
                self._say(thread, _FAILED, reason)
            elif thread.dropped:
                waiting = counted(thread.waiting, "message", "messages")
                self._say(thread, "does not keep up: new figures are dropped", f"{waiting} wait")

    def _report_losses(self, thread: TrackerThread, n_last: int) -> None:
        if thread.failure is not None:
            return
        if not thread.wait_for_end(0):
            lost = thread.dropped + max(thread.waiting - n_last, 0)
            messages = counted(lost, "message was", "messages were")
            self._say(thread, "has not ended and is left behind", f"{messages} not taken")
        elif thread.dropped:
            messages = counted(thread.dropped, "message was", "messages were")
            self._say(thread, "did not keep up", f"{messages} dropped")

    def _say(self, thread: TrackerThread, what: str, reason: str) -> None:
        if (thread, what) not in self._told:
            self._told.add((thread, what))
            self._progress.say(f"warning: tracker {thread.name} {what} ({reason})")


def _end_of(scores: Mapping[str, float] | None, error: BaseException | None) -> RunEnd:
    if scores is not None:  # what was cut since then is not the run
        return RunEnd("finished", scores)
    if error is None or isinstance(error, KeyboardInterrupt):
        return RunEnd("interrupted" if error else "finished")
    return RunEnd("failed", error=str(error) if isinstance(error, TrashError) else in_words(error))


def _if_able(ability: type, call: Callable[..., None]) -> Call:
    return lambda tracker: call(tracker) if isinstance(tracker, ability) else None


def _close(tracker: Tracker) -> None:
    tracker.close()
