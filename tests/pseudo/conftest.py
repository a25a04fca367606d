from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_labels import write_split, write_teacher

from toolkit.data.split import Split
from toolkit.predict.members import MemberRef


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """Six unlabelled images of odd sizes."""
    return write_split(tmp_path / "data")


@pytest.fixture
def teachers(tmp_path: Path) -> list[MemberRef]:
    """Three untrained networks that disagree here and there."""
    return [write_teacher(tmp_path / f"{name}.pt", seed) for seed, name in enumerate("abc")]
