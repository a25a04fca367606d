"""Predicting photos that are arrays in memory, from Python: no split, no store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from toolkit.data.resize import resize_image
from toolkit.errors import UsageError
from toolkit.plugin.discovery import load_registry
from toolkit.postprocess.labels import argmax_labels
from toolkit.predict.member import Member, load_member
from toolkit.predict.members import choose_prediction_device
from toolkit.predict.passes import Passes, member_passes, scaled_image, tiled_map
from toolkit.predict.writer import require_probabilities
from toolkit.project import find_project


@dataclass(frozen=True)
class PhotoPredictor:
    """A checkpoint that predicts photos; made by `load_predictor`.

    Attributes:
        member: the checkpoint with its recipe, class names and views.
        passes: its network on the device.
    """

    member: Member
    passes: Passes

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of every label, in label order; label 0 is the background."""
        return self.member.class_names

    def probabilities(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities of the classes at the photo's own size.

        They are bit for bit what `trash predict --batch-size 1 --store f32` writes for the photo.

        Args:
            photo: uint8 RGB (H, W, 3) in 0…255, as `read_image` returns it: neither resized nor
                normalised. Of a recipe with other `data.channels` (H, W, channels).

        Returns:
            float32 (C, H, W) in 0…1; the sum over C is 1 up to rounding.

        Raises:
            UsageError: another type, shape or number of channels, or a view that the network cannot
                take.
            TrashError: the network's output is not finite.
        """
        channels = self.member.recipe.data.n_channels
        shape = np.shape(photo)
        dtype = getattr(photo, "dtype", type(photo).__name__)
        if dtype != np.uint8 or len(shape) != 3 or shape[2] != channels or 0 in shape:
            raise UsageError(
                f"a photo for {self.member.path} is uint8 of shape (height, width, {channels}); "
                f"this is {dtype} of shape {shape}",
                "Hand it over as it was read, in 0…255: toolkit.data.images.read_image does it.",
            )
        photo = np.ascontiguousarray(photo)  # resizing knows no `photo[..., ::-1]`
        size, native = self.member.checkpoint.image_size, (shape[0], shape[1])
        tiling = self.member.views.tiling
        if tiling is None:
            (found,) = self.passes.maps([resize_image(photo, size)], [native])
        else:
            image = scaled_image(photo, tiling.scale)
            found = tiled_map(image, self.passes, tiling, size, native)
        require_probabilities("the photo", found)
        return found

    def labels(self, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the most probable label of every pixel, uint8 (H, W); see `probabilities`."""
        return argmax_labels(self.probabilities(photo))


def load_predictor(
    path: str | Path,
    views: str | None = None,
    *,
    device: str | None = None,
    project: Path | None = None,
) -> PhotoPredictor:
    """Return a checkpoint that is ready to predict photos.

    Args:
        path: the checkpoint, such as `runs/NAME/best.pt`.
        views: as `--views` has them, such as "d4"; default: those of its own recipe.
        device: "auto", "cpu", "cuda" or "mps"; default: as `trash predict` chooses.
        project: folder whose plugins it may need; default: that around the working folder.

    Raises:
        UsageError: no checkpoint, or one of another version; an unknown view; a device that is not
            there; weights that do not fit the model as its plugin makes it now.
    """
    registry = load_registry(find_project(project))
    member = load_member(Path(path), registry, torch.device("cpu"), views)
    member = replace(member, device=choose_prediction_device(member.recipe, device))
    return PhotoPredictor(member, member_passes(member))
