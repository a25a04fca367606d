"""Everything a training depends on: the recipe's values, its data, inputs from earlier stages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.data.array_store import ArrayStore
from toolkit.data.contest import Contest
from toolkit.data.resize import RESIZING
from toolkit.data.split import Split
from toolkit.data.targets import ProbabilityMaps
from toolkit.files import digest_of
from toolkit.recipe.schema import Recipe
from toolkit.recipe.schema_keys import effect_of

CONTENTS = ("photos of ", "content of ", "packages of ")
"""Beginnings of the names of inputs that are digests; runs of older versions lack some."""


@dataclass(frozen=True)
class PseudoImages:
    """Images with predicted labels.

    Attributes:
        split: the images; its own annotations, if any, are not looked at.
        masks: uint8 labels in the order of the split, each at its photo's size.
        maps: probabilities in the same order; None without soft labels.
        digest: of all of it, for caches.
    """

    split: Split
    masks: ArrayStore
    maps: ProbabilityMaps | None
    digest: str


@dataclass(frozen=True)
class OpenedInputs:
    """What earlier stages made for a training, read from the paths that its run keeps.

    Attributes:
        pseudo: images to train on beside the real ones.
        start: checkpoint whose weights it begins with.
        keys: name of each of these, and of each file that the recipe names -> digest of all that it
            was made from.
    """

    pseudo: PseudoImages | None = None
    start: Path | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


def training_inputs(recipe: Recipe, contest: Contest, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return all inputs of a training as plain values.

    Where the data lie changes nothing; what they hold, annotations and photos, does.

    Args:
        recipe: the resolved recipe.
        contest: its data.
        keys: see `OpenedInputs`.
    """
    return {
        **recipe.model_dump(mode="json"),
        "classes": list(contest.class_names),
        "content of the training split": contest.train.digest,
        "content of the validation split": contest.val.digest,
        "resizing": RESIZING,
        "photos of the training split": digest_of(*contest.train.pictures),
        "photos of the validation split": digest_of(*contest.val.pictures),
        **keys,
    }


def training_key(inputs: Mapping[str, Any], plugins: Mapping[str, str]) -> str:
    """Return the digest of what decides the weights of a training.

    Args:
        inputs: from `training_inputs`.
        plugins: source of each plugin that takes part -> digest of its code.
    """
    # Unset keys do not count: runs are found again after a later version adds a key.
    decisive = {
        key: value
        for key, value in flat(inputs)
        if value not in (None, []) and decides_weights(key)
    }
    return digest_of(json.dumps([decisive, dict(plugins)], sort_keys=True))


def decides_weights(key: str) -> bool:
    """Return whether an input changes the trained weights; one that no recipe key names does."""
    effect = effect_of(key.split("."))
    return effect is None or effect.on == "training"


def may_differ(key: str) -> bool:
    """Return whether a run goes on when an input is another one than before."""
    effect = effect_of(key.split("."))
    return effect is not None and (effect.on != "training" or effect.resumable)


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of everything in nested tables; arrays are values."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
