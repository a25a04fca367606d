"""The kinds of component: which hook offers them and how their factories are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

UnitInterval = Annotated[float, Field(ge=0, le=1)]
"""A probability or share: a number from 0 to 1."""

Nearest = Literal["corner", "centre"]
"""Which pixel nearest neighbour takes: number ⌊i s⌋ for the new pixel i at a scale of s (OpenCV's
INTER_NEAREST and albumentations, PyTorch's "nearest"), or the one in the middle, ⌊(i + ½) s⌋
(Pillow's NEAREST, PyTorch's "nearest-exact")."""

_Factor = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class Kind:
    """One kind of component.

    Attributes:
        name: as in `--kind` and in messages.
        hook: the pluggy hook that returns its components.
        inputs: names of the positional arguments after `context`.
        common: parameters that every component of the kind has and the caller handles itself:
            name -> (annotation, default).
    """

    name: str
    hook: str
    inputs: tuple[str, ...] = ()
    common: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)


def _common(annotation: Any, default: Any, description: str) -> tuple[Any, Any]:
    return Annotated[annotation, Field(description=description)], default


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("model", "trash_models"),
        Kind(
            "augmentation",
            "trash_augmentations",
            common={
                "p": _common(UnitInterval, 0.5, "probability of the step; inside one_of its weight")
            },
        ),
        Kind(
            "mix",
            "trash_mixes",
            # All samples of a batch are mixed, or none.
            common={
                "p": _common(
                    UnitInterval,
                    0.5,
                    "probability per batch; of several mixes the first that comes up is applied",
                )
            },
        ),
        Kind(
            "loss",
            "trash_losses",
            common={
                "weight": _common(
                    _Factor, 1.0, "factor of this loss in a sum or beside those of other outputs"
                )
            },
        ),
        Kind("postprocessor", "trash_postprocessors"),
        Kind(
            "optimizer",
            "trash_optimizers",
            ("parameters",),
            # Parameter groups are made here, for any optimiser.
            common={
                "encoder_lr_factor": _common(
                    _Factor, 1.0, "learning rate of the model's encoder / that of the rest"
                ),
                "decay_norms": _common(
                    bool, True, "false keeps weight decay away from norms and biases"
                ),
            },
        ),
        Kind("scheduler", "trash_schedulers", ("optimizer",)),
        Kind("view", "trash_views"),
        Kind("ensembler", "trash_ensemblers"),
        Kind("selector", "trash_selectors"),
        Kind("metric", "trash_metrics"),
        Kind("reader", "trash_readers"),
        Kind("submission_format", "trash_submission_formats"),
        Kind("tracker", "trash_trackers", ("run_dir",)),
    )
}
