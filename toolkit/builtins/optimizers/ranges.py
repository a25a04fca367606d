"""Ranges of the parameters that optimisers share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

LearningRate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Averaging = Annotated[float, Field(gt=0, lt=1)]
"""Share of an average that is kept, where a rule divides by it."""
