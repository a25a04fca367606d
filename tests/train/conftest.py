from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_training import write_contest, write_uneven_contest


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A contest of 10 + 5 images of 16 x 16 with two classes; read-only for tests."""
    return write_contest(tmp_path_factory.mktemp("tiny") / "contest")


@pytest.fixture(scope="session")
def uneven_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `tiny_root`, with blue in 3 of the training images; read-only for tests."""
    return write_uneven_contest(tmp_path_factory.mktemp("uneven") / "contest")
