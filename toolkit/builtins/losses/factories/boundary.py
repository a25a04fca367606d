"""Losses that look at borders and patches."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from toolkit import Component, Context
from toolkit.builtins.losses.factories.ranges import Positive, Window, check_window
from toolkit.plugin.interfaces import Loss

Sigma = Annotated[float, Field(gt=0, description="of the window's Gaussian weights, pixels.")]


def boundary(context: Context) -> Loss:
    """Make the boundary loss: how far outside the target the prediction lies.

    It is negative for a good prediction and says little about one that misses a region altogether:
    add it to a loss of regions. Distances are shares of the image's diagonal.
    """
    from toolkit.builtins.losses.boundary import Boundary
    from toolkit.builtins.losses.prediction import TermLoss

    return TermLoss(Boundary(), context.ignore_index)


def hausdorff(context: Context, *, alpha: Positive = 2.0) -> Loss:
    """Make the Hausdorff loss: errors, weighed by their distance to the borders.

    Distances are shares of the image's diagonal, so the value is small: beside a loss of pixels it
    needs a weight of 10 to 100.

    Args:
        alpha: power of the distance; larger values look at the farthest errors alone.
    """
    from toolkit.builtins.losses.boundary import Hausdorff
    from toolkit.builtins.losses.prediction import TermLoss

    return TermLoss(Hausdorff(alpha), context.ignore_index)


def ssim(
    context: Context, *, window: Window = 11, sigma: Sigma = 1.5, legacy: bool = False
) -> Loss:
    """Make (1 − structural similarity) / 2 of probabilities and target, per class.

    Args:
        window: side of the window in which structures are compared, pixels; odd.
        legacy: compare label ids as the original solution did; the value has no gradient, so it
            cannot be the only loss.
    """
    from toolkit.builtins.losses.prediction import TermLoss
    from toolkit.builtins.losses.ssim import LegacySsim, Ssim

    check_window(window)
    return TermLoss((LegacySsim if legacy else Ssim)(window, sigma), context.ignore_index)


def ms_ssim(context: Context, *, window: Window = 11, sigma: Sigma = 1.5) -> Loss:
    """Make 1 − structural similarity at up to five scales, each half the one before.

    Args:
        window: side of the window, pixels, odd; a scale is left out when the window is larger.
    """
    from toolkit.builtins.losses.ms_ssim import MsSsim
    from toolkit.builtins.losses.prediction import TermLoss

    check_window(window)
    return TermLoss(MsSsim(window, sigma), context.ignore_index)


COMPONENTS: tuple[Component, ...] = (
    Component(
        "boundary", boundary, "probabilities weighted by their distance to the target's border"
    ),
    Component("hausdorff", hausdorff, "errors weighted by their distance to borders"),
    Component("ssim", ssim, "structural similarity of probabilities and target"),
    Component("ms_ssim", ms_ssim, "structural similarity at several scales"),
)
