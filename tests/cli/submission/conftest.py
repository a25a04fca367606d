from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.submission.demo_files import SIZE
from tests.workspaces import open_truth
from toolkit.data.masks import paint_mask
from toolkit.formats.mask_string import MaskString


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def truth(demo_root: Path) -> dict[str, NDArray[np.uint8]]:
    """What the hidden truth of the demo contest says."""
    split = open_truth(demo_root / "test_truth.json")
    return {
        record.file_name: paint_mask(record, split.labels, split.overlap, split.ignore_index)
        for record in split.images
    }


@pytest.fixture
def submission(project: Path, truth: dict[str, NDArray[np.uint8]]) -> Path:
    path = project / "a.csv"
    with path.open("wb") as file:
        MaskString(SIZE, ("image_id", "PredictionString"), 12).write(file, truth.items())
    return path
