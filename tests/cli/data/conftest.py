from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six images of 8 x 8 pixels, one square of one of two classes in each."""
    images = [{"id": row, "file_name": f"{row}.png", "width": 8, "height": 8} for row in range(6)]
    annotations = [
        {
            "id": row,
            "image_id": row,
            "category_id": row % 2,
            "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]],
        }
        for row in range(6)
    ]
    categories = [{"id": 0, "name": "paper"}, {"id": 1, "name": "metal"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "train.json").write_text(json.dumps(content))
    for row in range(6):
        cv2.imwrite(str(tmp_path / f"{row}.png"), np.full((8, 8, 3), 10 * row, np.uint8))
    return tmp_path
