"""template_name: one JSON object per epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from toolkit import Component, Context, hookimpl

Digits = Annotated[int, Field(ge=1, le=17)]


class JsonTracker:
    """Appends the figures of every epoch to a file in the run folder.

    With further methods it hears more, such as figures of steps, pictures and the end: they are in
    `toolkit/plugin/tracker.py`.
    """

    def __init__(self, path: Path, digits: int) -> None:
        self.path = path
        self.digits = digits

    def log(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Append the line of `epoch`."""
        rounded = {name: round(value, self.digits) for name, value in figures.items()}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch, **rounded}) + "\n")

    def close(self) -> None:
        """Do nothing: every line is written already."""


def make(context: Context, run_dir: Path, *, digits: Digits = 6) -> JsonTracker:
    """Make a tracker that writes to the run folder.

    Args:
        run_dir: folder of the run.
        digits: decimals of the figures.
    """
    return JsonTracker(run_dir / "template_name.jsonl", digits)


@hookimpl
def trash_trackers() -> list[Component]:
    """Offer the tracker under the name that recipes use."""
    return [Component("template_name", make, "one JSON object per epoch")]
