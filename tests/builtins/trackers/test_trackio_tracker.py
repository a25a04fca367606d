"""What the data base of trackio has of a run."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.builtins.trackers.tracked_project import TrackedProject

pytestmark = pytest.mark.trackers


def test_figures_configuration_scores_and_pictures_are_read_back(tracked: TrackedProject) -> None:
    tracked.run_in_two_parts('{name="trackio", project="litter"}')
    kept = Path(os.environ["TRACKIO_DIR"])
    with sqlite3.connect(kept / "litter.db") as base:
        runs = {name for (name,) in base.execute("SELECT DISTINCT run_name FROM metrics")}
        rows = base.execute("SELECT step, metrics FROM metrics ORDER BY step, id").fetchall()
        (config,) = base.execute("SELECT config FROM configs LIMIT 1").fetchone()
    assert runs == {"tiny-001"}
    told = [(step, json.loads(text)) for step, text in rows]

    def values(name: str) -> list[tuple[int, Any]]:
        return [(step, row[name]) for step, row in told if name in row]

    assert [step for step, _ in values("step/loss")] == list(range(1, 10))
    assert values("epoch/val_loss") == [
        (3 * each["epoch"], each["val_loss"]) for each in tracked.epochs
    ]
    test = tracked.result["submission"]["score"]["mean_iou"]
    assert values("end/test/miou") == [(9, test)]
    assert len([name for _, row in told for name in row if name.startswith("worst/")]) == 6
    assert len([*(kept / "media" / "litter").rglob("*.png")]) == 6
    assert json.loads(config)["optimizer.lr"] == 0.1
