from __future__ import annotations

import csv
from pathlib import Path

from toolkit import ComponentSpec, Context
from toolkit.plugin.registry import Registry


def make(registry: Registry, run_dir: Path):
    return registry.build("tracker", ComponentSpec(name="csv"), Context(("a", "b")), run_dir)


def rows(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_epoch_is_a_row_and_new_figures_are_columns(
    tmp_path: Path, registry: Registry
) -> None:
    tracker = make(registry, tmp_path)
    tracker.log(1, {"loss": 0.1})
    assert rows(tmp_path) == [{"epoch": "1", "loss": "0.1"}]
    tracker.log(2, {"loss": 0.05, "val_mean_iou": 0.5})
    tracker.close()
    assert rows(tmp_path) == [
        {"epoch": "1", "loss": "0.1", "val_mean_iou": ""},
        {"epoch": "2", "loss": "0.05", "val_mean_iou": "0.5"},
    ]


def test_a_resumed_run_replaces_the_epochs_that_it_repeats(
    tmp_path: Path, registry: Registry
) -> None:
    first = make(registry, tmp_path)
    for epoch in (1, 2, 3):
        first.log(epoch, {"loss": float(epoch)})
    resumed = make(registry, tmp_path)
    resumed.log(2, {"loss": 20.0})
    assert [(row["epoch"], row["loss"]) for row in rows(tmp_path)] == [("1", "1.0"), ("2", "20.0")]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]
