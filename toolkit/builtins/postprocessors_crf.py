"""The factory of the dense CRF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, PositiveInt

from toolkit import Context, UnitInterval

if TYPE_CHECKING:
    from toolkit.plugin.interfaces import Postprocessor

Weight = Annotated[float, Field(ge=0, le=100)]
Deviation = Annotated[float, Field(ge=0.5, le=1000)]


def dense_crf(
    context: Context,
    *,
    preset: Literal["pspnet", "deeplab", "deeplab-large", "songbae-park"] = "pspnet",
    iterations: PositiveInt | None = None,
    gaussian_weight: Weight | None = None,
    gaussian_xy: Deviation | None = None,
    bilateral_weight: Weight | None = None,
    bilateral_xy: Deviation | None = None,
    bilateral_rgb: Deviation | None = None,
    tolerance: UnitInterval = 1e-4,
    engine: Literal["own", "pydensecrf"] = "own",
) -> Postprocessor:
    """Fully connected CRF on the original image: labels follow its edges (arXiv:1210.5644).

    Each preset is a row of iterations, weight and reach of the Gaussian kernel, then weight, reach
    and colours of the bilateral one: "pspnet" 50, 3, 3, 4, 49, 5; "deeplab" 10, 3, 1, 4, 67, 3;
    "deeplab-large" 10, 3, 3, 4, 121, 5; "songbae-park" 50, 3, 1, 4, 49, 3. Whatever else is given
    replaces its number.

    Args:
        preset: where the numbers come from that are not given.
        iterations: updates of the mean field, at most.
        gaussian_weight: how strongly near pixels want one label.
        gaussian_xy: how far that reaches, pixels (standard deviation).
        bilateral_weight: how strongly near pixels of like colour want one label.
        bilateral_xy: how far that reaches, pixels.
        bilateral_rgb: how alike the colours must be, levels of 0…255 (standard deviation).
        tolerance: stop once an update changes the labels of at most this share of the pixels;
            0 = all iterations. At 1e-4 it takes a quarter to a half of 50, and 0.02 to 0.2 % of the
            labels are not yet those of the last.
        engine: "own", or the original C++ of the extra `crf`: the same labels, more slowly.
    """
    from dataclasses import replace

    from toolkit.postprocess.crf_settings import PRESETS
    from toolkit.postprocess.dense_crf import DenseCrf, choose_inference

    given: dict[str, Any] = {
        "iterations": iterations,
        "gaussian_weight": gaussian_weight,
        "gaussian_xy": gaussian_xy,
        "bilateral_weight": bilateral_weight,
        "bilateral_xy": bilateral_xy,
        "bilateral_rgb": bilateral_rgb,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    settings = replace(PRESETS[preset], tolerance=tolerance, **changes)
    return DenseCrf(settings, choose_inference(engine))
