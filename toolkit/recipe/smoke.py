"""`--smoke`: any recipe in seconds, on the demo data, with tiny sizes and no pretrained weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolkit.files import digest_of
from toolkit.recipe.schema import Demo, Recipe

WORD = "--smoke"
SIZE = 64
_DEMO = Demo(train=6, val=2, test=2, size=SIZE)
"""With fewer training images no class is rare, which object mix asks for."""
_BATCH = 3


def smoke_values(
    recipe: Recipe,
    cache: Path,
    is_checkpoint: Callable[[str], bool],
    classes: tuple[str, ...] | None = None,
    *,
    on_cpu: bool,
) -> dict[str, Any]:
    """Return the values that `--smoke` lays over a recipe; its components stay as they are.

    Args:
        recipe: the recipe as written.
        cache: where the demo data goes.
        is_checkpoint: tells a name of a checkpoint, which is of other data, from that of a recipe.
        classes: the recipe's own ones, which its components may name; None = those of the demo.
        on_cpu: it runs on the CPU, where half precision is slow on many processors or missing (fp16).
    """
    start = recipe.train.start
    demo = _DEMO.model_copy(update={"classes": classes})
    defaults = {
        "train": "train.json",
        "val": "val.json",
        "test": "test.json",
        "truth": "test_truth.json",
        # The format is the recipe's: its columns need not be those of the demo.
        "sample_submission": None,
    }
    return {
        "data": {
            "root": str(_demo_folder(cache, classes)),
            "demo": demo.model_dump(mode="json"),
            **defaults,
            "folds": None,
            "classes": None,
            "image_size": [SIZE, SIZE],
            "workers": 0,
        },
        "train": {
            "epochs": 1,
            "batch_size": _BATCH,
            "device_batch_size": None,
            "compile": False,
            "precision": "fp32" if on_cpu else recipe.train.precision,
            "patience": 0,
            "validate_every": 1,
            "start": None if start is not None and is_checkpoint(start) else start,
        },
        "predict": {"batch_size": _BATCH},
        "objects": {"classes": None, "exclude": [], "min_area": 1, "bank": None},
        **_without_files(recipe, is_checkpoint),
        **_submission(recipe),
        "trackers": [],
    }


def _demo_folder(cache: Path, classes: tuple[str, ...] | None) -> Path:
    name = "data" if classes is None else f"data-{digest_of(*classes)[:12]}"
    return cache / "smoke" / name


def _submission(recipe: Recipe) -> dict[str, Any]:
    """Return what makes a format that leaves out the images' folder or ending fit those of the demo."""
    given = recipe.submission.parameters
    own = {"image_folder": "batch_03", "image_suffix": ".jpg"}  # of the test images of `data.demo`
    used = {key: value for key, value in own.items() if given.get(key)}
    return {"submission": used} if used else {}


def _without_files(recipe: Recipe, is_checkpoint: Callable[[str], bool]) -> dict[str, Any]:
    """Return what takes the place of checkpoints and label files: they are of other data."""
    values: dict[str, Any] = {
        "members": [each for each in recipe.members if not is_checkpoint(each)]
    }
    pseudo = recipe.pseudo
    if pseudo is not None:
        # Untrained networks are sure of nothing: a selection would leave no image.
        values["pseudo"] = {"labels": None, "images": None, "select": []}
        values["pseudo"]["teachers"] = [each for each in pseudo.teachers if not is_checkpoint(each)]
    return values
