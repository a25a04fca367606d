"""Trackers beside a training: what they hear, and what becomes of those that fail or hang."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from strange_trackers import HANGING, Blocks, Fails, Hears, Plain
from tiny_training import Log, make_recipe, train

from toolkit import Component, ComponentSpec, Context, TrashError
from toolkit.plugin.registry import Entry, Registry
from toolkit.plugin.tracker import TrackedRun, WorstImage
from toolkit.train import tracking
from toolkit.train.checkpoint import load_checkpoint
from toolkit.train.tracker_thread import TrackerThread
from toolkit.train.tracking import Tracking

CONTEXT = Context(("Background", "Paper"), epochs=2, steps_per_epoch=6)
RUN = TrackedRun("tiny-001", "tiny-3f9a01c7")


def tracking_of(log: Log, **trackers: Any) -> Tracking:
    """Return the tracking of these objects; a function makes its tracker."""

    def factory(made: Any) -> Callable[..., Any]:
        return lambda context, run_dir: made() if callable(made) else made

    entries = [
        Entry("tracker", Component(name, factory(made), ""), "test")
        for name, made in trackers.items()
    ]
    specs = [ComponentSpec(name=name) for name in trackers]
    return Tracking(specs, Registry(entries), RUN, log)


@pytest.fixture(autouse=True)
def _without_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is called "hangs" is known to hang; for others is waited as long as it takes."""

    def made(self: TrackerThread, seconds: float) -> None:
        if self.name != "hangs":
            self._made.wait()

    def ended(self: TrackerThread, seconds: float) -> bool:
        if self.name == "hangs":
            HANGING.wait()
        else:
            self._thread.join()
        return self.name != "hangs"

    HANGING.clear()
    monkeypatch.setattr(TrackerThread, "wait_until_made", made)
    monkeypatch.setattr(TrackerThread, "wait_for_end", ended)


def test_a_tracker_hears_everything_in_order() -> None:
    log, hears, plain = Log(), Hears(), Plain()
    with tracking_of(log, hears=hears, plain=plain) as told:
        told.open(CONTEXT, finished_epochs=1)
        told.log_step(7, 0.5, {"lr": 0.1})
        told.log(2, {"train_loss": 0.5}, {"miou": 0.25}, {"Paper": 0.5})
        told.finished({"validation/miou": 0.25})
        told.log_images(lambda: [WorstImage("a.jpg", 0.1, *[None] * 4)])  # type: ignore[arg-type]
    assert hears.heard == [
        ("started", "tiny-001", 1),
        ("step", 7, {"loss": 0.5, "lr": 0.1}),
        ("epoch", 2, {"train_loss": 0.5}),
        ("scores", 2, {"miou": 0.25}, {"Paper": 0.5}),
        ("images", ["a.jpg"]),
        ("ended", "finished", {"validation/miou": 0.25}, ""),
        ("closed",),
    ]
    assert plain.epochs == [2, 0]
    assert log.lines == []


def test_epochs_that_are_not_validated_have_no_scores() -> None:
    hears = Hears()
    with tracking_of(Log(), hears=hears) as told:
        told.open(CONTEXT, 0)
        told.log(1, {"train_loss": 0.5}, {}, {})
    assert not hears.of("scores")


def test_pictures_are_made_only_for_who_wants_them() -> None:
    def make() -> Any:
        raise AssertionError("nobody wants them")

    with tracking_of(Log(), plain=Plain()) as told:
        told.open(CONTEXT, 0)
        told.log_images(make)


def test_one_that_comes_late_hears_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is still being made when the run is done."""
    hears, come = Hears(), threading.Event()

    def late() -> Hears:
        come.wait()
        return hears

    monkeypatch.setattr(TrackerThread, "wait_until_made", lambda self, seconds: None)
    with tracking_of(Log(), late=late) as told:
        told.open(CONTEXT, 0)
        told.log(1, {}, {}, {})
        told.log_images(list)
        come.set()
    assert [what for what, *_ in hears.heard] == ["started", "epoch", "images", "ended", "closed"]


def test_steps_are_thinned_to_means() -> None:
    hears = Hears()
    with tracking_of(Log(), hears=hears) as told:
        told.open(Context(("a",), steps_per_epoch=250), 0)
        for epoch in (1, 2):
            for step in range(1, 251):
                told.log_step((epoch - 1) * 250 + step, float(step), {"lr": step / 10})
            told.log(epoch, {}, {}, {})
    steps = hears.of("step")
    assert [step for _, step, _ in steps[:2]] == [3, 6]
    assert [step for _, step, _ in steps if step > 250][:2] == [253, 256]
    assert steps[1][2] == {"loss": 5.0, "lr": 0.6}  # of the steps 4, 5 and 6
    assert len(steps) == 2 * 83


@pytest.mark.parametrize("error", [ConnectionError("server gone"), SystemExit(3)])
def test_one_that_fails_is_told_once_and_left_out(error: BaseException) -> None:
    log, hears = Log(), Hears()
    with tracking_of(log, fails=Fails(error), hears=hears) as told:
        told.open(CONTEXT, 0)
        for epoch in (1, 2, 3):
            told.log(epoch, {"train_loss": 0.5}, {}, {})
    (line,) = log.lines
    assert line.startswith("warning: tracker fails failed and is left out from here on (")
    assert str(error) in line
    assert [epoch for _, epoch, _ in hears.of("epoch")] == [1, 2, 3]


def test_two_of_one_kind_are_told_apart() -> None:
    log = Log()
    component = Component("far", lambda context, run_dir: Fails(OSError("gone")), "")
    specs = [ComponentSpec(name="far")] * 2
    with Tracking(specs, Registry([Entry("tracker", component, "test")]), RUN, log) as told:
        told.open(CONTEXT, 0)
        told.log(1, {}, {}, {})
    assert len(log.lines) == 2


def test_one_that_cannot_be_made_is_told_before_the_training() -> None:
    def refuse() -> Any:
        raise OSError("no such server")

    log = Log()
    with tracking_of(log, absent=refuse) as told:
        told.open(CONTEXT, 0)
        (line,) = log.lines
    assert "absent" in line
    assert "no such server" in line
    assert log.lines == [line]


@pytest.fixture
def blocked() -> Iterator[Callable[..., Blocks]]:
    """Makes trackers that block, and sets them free in the end."""
    made: list[Blocks] = []

    def make(*where: str) -> Blocks:
        made.append(Blocks(*where))
        return made[-1]

    yield make
    for each in made:
        each.free.set()


@pytest.mark.parametrize("where", ["log", "close"])
def test_one_that_hangs_is_left_behind(blocked: Callable[..., Blocks], where: str) -> None:
    log, hangs, hears = Log(), blocked(where), Hears()
    with tracking_of(log, hangs=hangs, hears=hears) as told:
        told.open(CONTEXT, 0)
        for epoch in (1, 2, 3):
            told.log(epoch, {}, {}, {})
        hangs_first = where == "log"
        if hangs_first:
            hangs.entered.wait()  # the first of three epochs is taken, and never done
        else:
            for _ in range(3):  # a busy machine takes its time
                hangs.logged.acquire()
    waiting, left = log.lines
    assert waiting.startswith("waiting for hangs, at most")
    lost = "2 messages were" if hangs_first else "0 messages were"
    assert left == f"warning: tracker hangs has not ended and is left behind ({lost} not taken)"
    assert hears.heard[-1] == ("closed",)
    assert len(hears.of("epoch")) == 3


def test_one_that_hangs_when_it_is_made_is_left_behind(blocked: Callable[..., Blocks]) -> None:
    hangs, log = blocked("log"), Log()

    def make() -> Any:
        hangs.log(0, {})

    with tracking_of(log, hangs=make) as told:
        told.open(CONTEXT, 0)
        told.log(1, {}, {}, {})
    assert "left behind (1 message was not taken)" in log.lines[-1]


def test_what_a_slow_one_cannot_take_is_dropped_and_counted(
    blocked: Callable[..., Blocks], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "_WAITING", 4)
    log, slow = Log(), blocked("log")
    with tracking_of(log, slow=slow) as told:
        told.open(CONTEXT, 0)
        told.log(1, {}, {}, {})
        slow.entered.wait()
        for epoch in range(2, 10):
            told.log(epoch, {}, {}, {})
        slow.free.set()
    assert slow.epochs == [1, 2, 3, 4, 5, 0]
    assert log.lines == [
        "warning: tracker slow does not keep up: new figures are dropped (4 messages wait)",
        "warning: tracker slow did not keep up (4 messages were dropped)",
    ]


def test_steps_are_dropped_before_epochs(
    blocked: Callable[..., Blocks], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "_STEPS_WAITING", 2)
    slow = blocked("log")
    hears = Hears()
    slow.log_step = hears.log_step  # type: ignore[attr-defined]
    with tracking_of(Log(), slow=slow) as told:
        told.open(CONTEXT, 0)
        told.log(1, {}, {}, {})
        slow.entered.wait()
        for step in range(1, 6):
            told.log_step(step, 0.5, {})
        told.log(2, {}, {}, {})
        slow.free.set()
    assert [step for _, step, _ in hears.heard] == [1, 2]
    assert slow.epochs == [1, 2, 0]


def cut(hears: Hears, error: BaseException, scores: dict[str, float] | None) -> None:
    """Cut a run, which has these scores if it is done."""
    with tracking_of(Log(), hears=hears) as told:
        told.open(CONTEXT, 0)
        if scores is not None:
            told.finished(scores)
        raise error


def test_how_a_run_was_cut_is_told() -> None:
    for error, end in [
        (KeyboardInterrupt(), ("ended", "interrupted", {}, "")),
        (TrashError("the loss became nan"), ("ended", "failed", {}, "the loss became nan")),
        (ValueError("odd"), ("ended", "failed", {}, "ValueError: odd")),
    ]:
        hears = Hears()
        with pytest.raises(type(error)):
            cut(hears, error, None)
        assert hears.heard[1:] == [end, ("closed",)]


def test_what_is_cut_after_a_run_is_not_the_run() -> None:
    hears = Hears()
    with pytest.raises(KeyboardInterrupt):
        cut(hears, KeyboardInterrupt(), {"test/miou": 0.5})
    assert hears.of("ended") == [("ended", "finished", {"test/miou": 0.5}, "")]


def test_what_trackers_print_is_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    def chatty() -> Plain:
        print("a new run")
        return Plain()

    with tracking_of(Log(), chatty=chatty) as told:
        told.open(CONTEXT, 0)
    print("the result")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("the result\n", "a new run\n")


def test_trackers_change_nothing_of_a_training(tiny_root: Path, tmp_path: Path) -> None:
    """Not even one that draws from the generators of the whole process when it is made."""
    weights = []
    for name, trackers in (("without", ()), ("with", ("file", "draws"))):
        recipe = make_recipe(trackers=trackers, model={"dropout": 0.3}, epochs=2)
        train(tiny_root, tmp_path / name, recipe)
        weights.append(load_checkpoint(tmp_path / name / "last.pt").model_state)
    without, with_ = weights
    assert without.keys() == with_.keys()
    assert all(torch.equal(without[key], with_[key]) for key in without)


def test_figures_of_steps_and_epochs_are_those_of_the_training(
    tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hears = Hears()
    monkeypatch.setattr("tiny_training.FileTracker", lambda run_dir: hears)
    result = train(tiny_root, tmp_path / "run", make_recipe(trackers=("file",), epochs=2))
    first, second = result.records
    losses = [figures["loss"] for _, step, figures in hears.of("step") if step <= 3]
    assert [step for _, step, _ in hears.of("step")] == [1, 2, 3, 4, 5, 6]
    assert sum(losses) / 3 == pytest.approx(first["train_loss"])
    assert [figures["val_miou"] for _, _, figures in hears.of("epoch")] == [
        first["val_miou"],
        second["val_miou"],
    ]
    _, epoch, metrics, iou = hears.of("scores")[1]
    assert epoch == 2
    assert metrics == {k: v for k, v in second["val_metrics"].items() if v is not None}
    assert list(iou.values()) == second["val_iou"]
    assert list(iou) == ["Background", "Red", "Blue"]
