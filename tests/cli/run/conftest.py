from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_project import project
from toolkit.project import Project
from toolkit.records.record import (
    CodeUsed,
    PluginFacts,
    RunOutcome,
    RunRecord,
    ScoresByMetric,
    SplitFacts,
    new_record_name,
    record_path,
    write_record,
)

__all__ = ["project"]

RUN = RunRecord(
    author="Ann Lee",
    name="unet-001",
    recipe="recipes/small/unet.toml",
    title="A network",
    options=(),
    own={},
    values={"title": "A network", "seed": 1, "train": {"epochs": 3}, "postprocess": []},
    seed=1,
    training="0123456789abcdef0123456789abcdef",
    result_key="ab",
    started="2026-11-01T10:00:00+00:00",
    code=CodeUsed("0.1.0", "c0ffee0123456789", ("plugins/lab.py",), 1),
    packages={"torch": "2.6"},
    python="3.11.7",
    machine="Linux x86_64",
    device="cpu",
    data={"train": SplitFacts(12, "aaaaaaaabb", "ppppppppqq")},
    plugins={"lab": PluginFacts(None, "dddddddddd")},
    inputs={},
    parents=(),
    status="finished",
    ended="2026-11-01T11:00:00+00:00",
)


def outcome(validation: float | None, test: float | None = None, metric: str = "miou") -> Any:
    scores = ScoresByMetric(metric, True, {metric: validation}, {metric: test} if test else {})
    return RunOutcome(scores, best_epoch=2, epochs=3, seconds=61.0)


@dataclass(frozen=True)
class Wall:
    """A project with records of runs."""

    root: Path

    def add(self, **values: Any) -> str:
        """Write a record and return its name."""
        record = replace(RUN, **values)
        name = new_record_name(record.author, Path(record.recipe).stem)
        write_record(record_path(Project(self.root), name), record)
        return name


@pytest.fixture
def wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wall:
    (tmp_path / "recipes").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")
    return Wall(tmp_path)
