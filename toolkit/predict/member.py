"""A member: one checkpoint, ready to predict."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import nn

from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.plugin.interfaces import Context
from toolkit.plugin.parameters import problems_of
from toolkit.plugin.registry import Entry, Registry
from toolkit.plugin.source import source_digest
from toolkit.predict.views import ViewSet, parse_views
from toolkit.recipe.schema import Recipe
from toolkit.train.checkpoint import Checkpoint, checkpoint_digest, load_checkpoint
from toolkit.train.network import build_network
from toolkit.train.start import load_weights
from toolkit.wording import counted


@dataclass(frozen=True)
class Member:
    """A checkpoint and how to turn it into a network.

    Attributes:
        path: the file.
        checkpoint: its content.
        recipe: the recipe it was trained with.
        digest: digest of the file.
        views: the views it predicts with.
        registry: where its model is found.
        device: where the network runs.
    """

    path: Path
    checkpoint: Checkpoint
    recipe: Recipe
    digest: str
    views: ViewSet
    registry: Registry
    device: torch.device

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of every label, in label order."""
        return self.checkpoint.class_names

    @property
    def name(self) -> str:
        """Short name for people."""
        return member_name(self.path)

    @property
    def precision(self) -> str:
        """Number type of the forward pass: the trained one, but on a CPU always fp32.

        There fp16 is refused and bf16 is slow on most processors; fp32 gives the same maps on all.
        """
        trained = self.recipe.train.precision
        if self.device.type == "cpu" or (trained == "fp16" and self.device.type != "cuda"):
            return "fp32"
        return trained

    @property
    def context(self) -> Context:
        """What its components are built with."""
        return Context(
            class_names=self.checkpoint.class_names,
            image_size=self.checkpoint.image_size,
            ignore_index=self.recipe.data.ignore_index,
            pretrained=False,
            channels=self.recipe.data.n_channels,
        )

    @property
    def model_entry(self) -> Entry:
        """The component that makes the network.

        Raises:
            UsageError: there is none of that name any more.
        """
        try:
            return self.registry.find("model", self.recipe.model.name)
        except UsageError as error:
            raise UsageError(f"{self.path}: {error.message}", error.hint) from None

    @cached_property
    def model(self) -> nn.Module:
        """The network with the checkpoint's weights, in evaluation mode, on the CPU.

        Raises:
            UsageError: the weights do not fit the model as its plugin makes it now.
        """
        entry = self.model_entry
        model = build_network(self.registry, self.recipe.model, self.context)
        load_weights(
            model,
            self.checkpoint,
            self.path,
            f"the model {entry.name} as {entry.source} ({entry.file}) makes it now",
            "Has the plugin changed since the training? Use the version of it that trained this "
            "checkpoint, or give the changed model another name.",
        )
        return model.eval()

    def source_digest(self) -> str:
        """Return the digest of the code that makes the model, on which its maps depend."""
        return source_digest(self.model_entry)

    def release(self) -> None:
        """Free the network's memory; it is built again when needed."""
        self.__dict__.pop("model", None)


def require_same_photos(member: Member, split: Split) -> None:
    """Refuse to predict photos that are read otherwise than those the member was trained on.

    Raises:
        UsageError: they have other channels or another range of values.
    """
    own, record = member.recipe.data, split.images[0] if split.images else None
    if record is None:
        return
    for key, ours, theirs in (
        ("channels", own.n_channels, split.channels),
        ("value_range", own.value_range, record.value_range),
    ):
        if ours != theirs:
            raise UsageError(
                f"{member.path} was trained with data.{key} = {_toml(ours)}, the photos of "
                f"{split.name} are read with {_toml(theirs)}",
                "Members of one ensemble read photos alike: leave it out, or name the data it was "
                "trained for with --recipe.",
            )


def _toml(value: object) -> str:
    return json.dumps(value) if value is not None else "unset"


_RUN_FILES = {"best", "last"}
_SHOWN = 4


def member_name(path: Path) -> str:
    """Return a short name: the run's folder for a run's own files, else the file's name."""
    return path.resolve().parent.name if path.stem in _RUN_FILES else path.stem


def load_member(
    path: Path, registry: Registry, device: torch.device, views: str | None = None
) -> Member:
    """Read a checkpoint; its network is built when it is first needed.

    Args:
        path: the checkpoint.
        registry: where its model and views are found.
        device: where it will predict.
        views: as in a recipe; default: those of its own recipe.

    Raises:
        UsageError: the file is no checkpoint, its recipe is none that this version knows, or a view
            is unknown.
    """
    checkpoint = load_checkpoint(path)
    recipe = stored_recipe(path, checkpoint)
    if len(checkpoint.mean) != recipe.data.n_channels:
        raise UsageError(
            f"{path} is a damaged checkpoint: its normalisation is for "
            f"{counted(len(checkpoint.mean), 'channel', 'channels')}, its recipe for "
            f"{recipe.data.n_channels}",
            "Copy or train it again.",
        )
    return Member(
        path=path,
        checkpoint=checkpoint,
        recipe=recipe,
        digest=checkpoint_digest(path),
        views=parse_views(recipe.predict.views if views is None else views, registry),
        registry=registry,
        device=device,
    )


def stored_recipe(path: Path, checkpoint: Checkpoint) -> Recipe:
    """Return the recipe in a checkpoint; `path` is for messages.

    Raises:
        UsageError: it is none that this version knows.
    """
    try:
        return Recipe.model_validate_json(json.dumps(checkpoint.recipe), strict=True)
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, problem.path))}: {problem.message}"
            for problem in problems_of(error, Recipe)
        ]
        raise UsageError(
            f"{path}: its recipe does not fit this version of trash:\n" + "\n".join(lines[:_SHOWN]),
            "Use the version that it was trained with.",
        ) from None
