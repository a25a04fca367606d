"""Tables of `[data]`: how often training images are drawn, and which part of them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from toolkit.recipe.effect import Effect
from toolkit.recipe.section import Section

_Factor = Annotated[float, Field(ge=1 / 64, le=64)]


class ImageSampling(Section):
    """How often an epoch has each real image; background is no class."""

    by: Literal["uniform", "repeat-factor", "balanced", "weights"]
    """"uniform": each once. "repeat-factor": images with rare classes more than once, as in LVIS
    (arXiv:1908.03195). "balanced": every class equally often. "weights": in proportion to weights
    from a file. With the last two an epoch has as many images as before."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.05
    """For "repeat-factor": classes that a smaller share of the images shows are repeated, those
    with share f by sqrt(threshold / f). An epoch has the sum of all images' factors, rounded up."""
    file: Annotated[str | None, Effect("content", of_network=True)] = None
    """For "weights": a `.csv` of `name,weight`, or a text file of name, blank, weight, with every
    image of `data.train` once; relative to the project's folder."""


class NativeCrops(Section):
    """Parts of photos at their own resolution, drawn anew in every epoch."""

    scale: tuple[_Factor, _Factor] = (0.5, 2.0)
    """Smallest and largest factor that a photo is scaled by before a part of `image_size` is cut
    out."""
    class_cap: Annotated[float, Field(gt=0, le=1)] = 0.75
    """Largest share of a part's labelled pixels that one class may have, background included; a
    part with more is drawn again, ten times at most. 1 = no limit."""
    foreground: Annotated[float, Field(ge=0, le=1)] = 0.33
    """Share of parts that show a class drawn from those of their photo."""
