"""Trackers that keep what they hear, wait, or fail."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from toolkit.plugin.tracker import RunEnd, TrackedRun

HANGING = threading.Event()
"""A tracker has come to where it hangs."""


class Hears:
    """Keeps all that it is told."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def run_started(self, run: TrackedRun) -> None:
        self.heard.append(("started", run.name, run.finished_epochs))

    def log_step(self, step: int, figures: Mapping[str, float]) -> None:
        self.heard.append(("step", step, dict(figures)))

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        self.heard.append(("epoch", epoch, dict(figures)))

    def log_scores(
        self, epoch: int, metrics: Mapping[str, float], class_iou: Mapping[str, float]
    ) -> None:
        self.heard.append(("scores", epoch, dict(metrics), dict(class_iou)))

    def log_images(self, images: Any) -> None:
        self.heard.append(("images", [each.name for each in images]))

    def run_ended(self, end: RunEnd) -> None:
        self.heard.append(("ended", end.status, dict(end.scores), end.error))

    def close(self) -> None:
        self.heard.append(("closed",))

    def of(self, what: str) -> list[tuple[Any, ...]]:
        return [each for each in self.heard if each[0] == what]


class Plain:
    """A tracker as they were before they could hear more."""

    def __init__(self) -> None:
        self.epochs: list[int] = []

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        self.epochs.append(epoch)

    def close(self) -> None:
        self.epochs.append(0)


class Blocks(Plain):
    """Waits in each call of these names until it is set free."""

    def __init__(self, *where: str) -> None:
        super().__init__()
        self.where = where
        self.free = threading.Event()
        self.entered = threading.Event()
        self.logged = threading.Semaphore(0)

    def _wait(self, where: str) -> None:
        if where in self.where:
            self.entered.set()
            HANGING.set()
            self.free.wait()

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        self._wait("log")
        super().log(epoch, figures)
        self.logged.release()

    def close(self) -> None:
        self._wait("close")
        super().close()


class Fails:
    """Fails in each call."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        raise self.error

    def close(self) -> None:
        raise AssertionError("a tracker that failed is not called again")
