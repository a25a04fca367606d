"""Experiment trackers."""

from __future__ import annotations

from pathlib import Path

from toolkit import Component, Context, hookimpl
from toolkit.plugin.interfaces import Tracker


def csv(context: Context, run_dir: Path) -> Tracker:
    """Write the figures of every epoch to `metrics.csv` in the run folder.

    Args:
        run_dir: folder of the run.
    """
    from toolkit.builtins.trackers_csv import CsvTracker

    return CsvTracker(run_dir / "metrics.csv")


@hookimpl
def trash_trackers() -> list[Component]:
    """Return the built-in trackers."""
    return [Component("csv", csv, "metrics.csv in the run folder, one row per epoch")]
