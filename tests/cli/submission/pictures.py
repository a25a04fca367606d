"""What is in a picture that a command wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def picture(path: Path) -> NDArray[np.uint8]:
    read = cv2.imread(str(path))
    assert read is not None
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


def holds(sheet: NDArray[np.uint8], colour: Any) -> bool:
    return bool((sheet == np.asarray(colour, np.uint8)).all(axis=2).any())
