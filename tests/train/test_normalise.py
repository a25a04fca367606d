from __future__ import annotations

import numpy as np
import torch

from toolkit.train.normalise import Normalise


def test_agrees_with_the_definition_in_double_precision() -> None:
    mean, std = (0.46, 0.44, 0.41), (0.21, 0.2, 0.26)
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(256, 1, 3)
    images = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    result = Normalise(mean, std, torch.device("cpu"))(images)
    expected = (pixels / 255.0 - np.array(mean)) / np.array(std)
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_keeps_the_memory_layout() -> None:
    images = torch.zeros(2, 3, 4, 5, dtype=torch.uint8).to(memory_format=torch.channels_last)
    result = Normalise((0, 0, 0), (1, 1, 1), torch.device("cpu"))(images)
    assert result.is_contiguous(memory_format=torch.channels_last)
