"""`--smoke`: any recipe in seconds, on the demo data, with tiny sizes and no pretrained weights.

What becomes of a key stands beside it in the schema: a value, or one of the functions here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from toolkit.files import digest_of
from toolkit.plugin.component import ComponentSpec
from toolkit.recipe.effect import AS_WRITTEN
from toolkit.recipe.trial import values_under

SIZE = (64, 64)
"""(height, width) of the demo's images and of the network's input, pixels."""
BATCH = 3


@dataclass(frozen=True)
class SmokeRun:
    """What the values of a smoke run depend on.

    Attributes:
        cache: where the demo data goes.
        classes: the recipe's own ones, which its components may name; None = those of the demo.
        is_checkpoint: tells a name of a checkpoint, which is of other data, from that of a recipe.
        on_cpu: it runs on the CPU, where half precision is slow on many processors or missing
            (fp16).
    """

    cache: Path
    classes: tuple[str, ...] | None
    is_checkpoint: Callable[[str], bool]
    on_cpu: bool


def smoke_values(recipe: BaseModel, run: SmokeRun) -> dict[str, Any]:
    """Return the values that `--smoke` lays over a recipe, see `values_under`."""
    return values_under(recipe, "smoke", lambda value, written: value(written, run))


def demo_folder(_: str, run: SmokeRun) -> str:
    """Return where the demo data is, one folder for every list of classes."""
    name = "data" if run.classes is None else f"data-{digest_of(*run.classes)[:12]}"
    return str(run.cache / "smoke" / name)


def demo_data(_: BaseModel | None, run: SmokeRun) -> dict[str, Any]:
    """Return the values of the demo data."""
    # With fewer training images no class is rare, and object mix needs one.
    classes = None if run.classes is None else list(run.classes)
    return {"train": 6, "val": 2, "test": 2, "size": SIZE[0], "seed": 0, "classes": classes}


def demo_figures(of_rgb: tuple[float, ...]) -> Callable[[tuple[float, ...], SmokeRun], Any]:
    """Return what replaces figures of other channels than those of the demo's photos, RGB."""

    def figures(written: tuple[float, ...], _: SmokeRun) -> Any:
        return AS_WRITTEN if len(written) == len(of_rgb) else of_rgb

    return figures


def cpu_precision(written: str, run: SmokeRun) -> str:
    """Return fp32 on a CPU, else the recipe's precision."""
    return "fp32" if run.on_cpu else written


def without_checkpoint(written: str | None, run: SmokeRun) -> str | None:
    """Return the name of a recipe; a checkpoint is of other data and left out."""
    return None if written is not None and run.is_checkpoint(written) else written


def without_checkpoints(written: tuple[str, ...], run: SmokeRun) -> tuple[str, ...]:
    """Return the names of recipes; checkpoints are of other data and left out."""
    return tuple(name for name in written if not run.is_checkpoint(name))


def without_weights(written: BaseModel | None, _: SmokeRun) -> Any:
    """Return no sampling by weights: its file lists other images than the demo's."""
    by_weights = written is not None and getattr(written, "by", "") == "weights"
    return None if by_weights else AS_WRITTEN


def demo_image_names(written: ComponentSpec, _: SmokeRun) -> Any:
    """Return parameters that fit a format without folder or ending to the demo's images."""
    own = {"image_folder": "batch_03", "image_suffix": ".jpg"}  # of the test images of `data.demo`
    return {key: value for key, value in own.items() if written.parameters.get(key)} or AS_WRITTEN
