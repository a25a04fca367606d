"""Tables of `[data]` that say where images come from: the demo contest, folds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from toolkit.recipe.section import Section

Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What torch takes as a seed."""


class Demo(Section):
    """The synthetic contest that `trash data demo` writes."""

    train: PositiveInt = 320
    """Number of training images."""
    val: PositiveInt = 40
    """Number of validation images."""
    test: PositiveInt = 40
    """Number of test images."""
    size: Annotated[int, Field(ge=32, le=2048)] = 128
    """Height and width of the images, pixels."""
    seed: Seed = 0
    """Random seed of the whole contest."""
    classes: tuple[str, ...] | None = None
    """Names of its categories; default: the contest's. What is drawn is divided among them."""


class FoldChoice(Section):
    """k folds instead of a given validation split: a split file divides the images of `train`."""

    file: str
    """Split file written by `trash data split`."""
    index: NonNegativeInt = 0
    """The fold that validates; all others train."""
