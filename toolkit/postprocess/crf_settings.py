"""Settings of a dense CRF; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CrfSettings:
    """Kernels and length of the inference of a dense CRF (arXiv:1210.5644, eq. 3).

    Attributes:
        iterations: updates of the mean field, at most.
        gaussian_weight: how strongly near pixels want one label.
        gaussian_xy: how far that reaches, pixels (standard deviation).
        bilateral_weight: how strongly near pixels of like colour want one label.
        bilateral_xy: how far that reaches, pixels.
        bilateral_rgb: how alike the colours must be, levels of 0…255 (standard deviation).
        tolerance: stop once an update changes the labels of at most this share of the pixels;
            0 = never before `iterations`.
    """

    iterations: int
    gaussian_weight: float
    gaussian_xy: float
    bilateral_weight: float
    bilateral_xy: float
    bilateral_rgb: float
    tolerance: float = 0.0


PRESETS = {
    "pspnet": CrfSettings(50, 3, 3, 4, 49, 5),
    "deeplab": CrfSettings(10, 3, 1, 4, 67, 3),
    "deeplab-large": CrfSettings(10, 3, 3, 4, 121, 5),
    "songbae-park": CrfSettings(50, 3, 1, 4, 49, 3),
}
"""Settings that were published with PSPNet and DeepLab, and a team member's mixture of both."""
