"""Parameters that several optimisers have: their ranges and what they mean."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

LearningRate = Annotated[
    float, Field(gt=0, description="learning rate; the peak when a schedule moves it.")
]
Decay = Annotated[float, Field(ge=0)]
DecoupledDecay = Annotated[float, Field(ge=0, description="decoupled weight decay.")]
L2Penalty = Annotated[float, Field(ge=0, description="L2 penalty.")]
Momentum = Annotated[float, Field(ge=0, lt=1)]
