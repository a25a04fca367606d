"""The passes of images through a network: the views of each image become one map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from toolkit.data.resize import resize_image, resize_tensor
from toolkit.errors import UsageError
from toolkit.predict.member import Member
from toolkit.predict.merge import merge_views
from toolkit.predict.tiles import Axis, Tiles
from toolkit.predict.views import ViewSet
from toolkit.recipe.views import Tiling
from toolkit.train.device import Compute, make_compute
from toolkit.train.outputs import main_output

# On a CPU a batch of two takes as long as two batches of one.
_FASTER_TOGETHER = frozenset({"cuda", "mps"})


@dataclass(frozen=True)
class Passes:
    """A network that is ready to predict batches of images.

    Attributes:
        model: the network on its device.
        compute: how images go through it.
        views: how it looks at them.
        batch_size: images of the input's size in one pass; images that a view makes larger are
            fewer, so that a pass needs no more memory.
    """

    model: nn.Module
    compute: Compute
    views: ViewSet
    batch_size: int

    @torch.inference_mode()
    def maps(
        self, images: Iterable[NDArray[np.uint8]], sizes: Iterable[tuple[int, int]]
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the probability map of each image, float32 (C, H, W).

        The more views, the fewer images are looked at together: what waits in memory are the logits
        of `batch_size` images, however many views there are.

        Args:
            images: uint8 (H, W, 3), RGB, all of one size.
            sizes: (height, width) of each map.
        """
        images, sizes = iter(images), iter(sizes)
        step = max(1, self.batch_size // len(self.views))
        while part := list(islice(images, step)):
            batch = np.stack([image.transpose(2, 0, 1) for image in part])
            logits = self._logits(self.compute.images(torch.from_numpy(batch)))
            for row, size in zip(range(len(part)), sizes, strict=False):
                found = merge_views([each[row] for each in logits], size, self.views.merge)
                probabilities: NDArray[np.float32] = found.contiguous().cpu().numpy()
                yield probabilities

    def _logits(self, images: Tensor) -> list[Tensor]:
        """Return the logits (B, C, h, w) of every view, in the original orientation."""
        size = (images.shape[-2], images.shape[-1])
        views = self.views.views
        seen = [view.forward(images) for view in views]
        found: dict[int, Tensor] = {}
        for rows in self._groups([each.shape for each in seen]):
            batch = seen[rows[0]] if len(rows) == 1 else torch.cat([seen[row] for row in rows])
            logits = self._forward(batch, size)
            found |= zip(rows, torch.split(logits, len(images)), strict=True)
        return [view.inverse(found[row], size) for row, view in enumerate(views)]

    def _groups(self, shapes: Sequence[torch.Size]) -> list[list[int]]:
        """Return which views go through the network together: on a GPU all of one shape."""
        if self.compute.device.type not in _FASTER_TOGETHER:
            return [[row] for row in range(len(shapes))]
        return [
            [row for row, own in enumerate(shapes) if own == shape]
            for shape in dict.fromkeys(shapes)
        ]

    def _forward(self, batch: Tensor, size: tuple[int, int]) -> Tensor:
        """Return the logits of a batch, float32 (B, C, h, w)."""
        height, width = batch.shape[-2:]
        most = max(1, self.batch_size * size[0] * size[1] // (height * width))
        logits = []
        for part in torch.split(batch, most):
            try:
                with self.compute.autocast():
                    output = self.model(part)
            except UsageError as error:
                raise self._about_views(error, larger=height * width > size[0] * size[1]) from None
            logits.append(main_output(output).float())
        return logits[0] if len(logits) == 1 else torch.cat(logits)

    def _about_views(self, error: UsageError, *, larger: bool) -> UsageError:
        if not larger:
            return error
        return UsageError(
            f"views {self.views.text}: {error.message}", "Leave out the views that make it larger."
        )


def member_passes(member: Member, batch_size: int | None = None) -> Passes:
    """Return a member's network on its device, ready to predict.

    Args:
        member: who predicts.
        batch_size: images, or windows, per forward pass; default: that of its recipe.

    Raises:
        UsageError: the model does not fit its checkpoint.
    """
    compute = make_compute(
        member.device,
        precision=member.precision,
        channels_last=member.recipe.train.channels_last,
        mean=member.checkpoint.mean,
        std=member.checkpoint.std,
    )
    return Passes(
        compute.place(member.model),
        compute,
        member.views,
        batch_size or member.recipe.predict.batch_size,
    )


def scaled_image(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Return an image as large as its windows are cut from, uint8 (H', W', channels)."""
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return resize_image(image, (height, width))


def tiled_map(
    image: NDArray[np.uint8],
    passes: Passes,
    tiling: Tiling,
    size: tuple[int, int],
    native: tuple[int, int],
) -> NDArray[np.float32]:
    """Return the map of an image that is predicted in windows, float32 (C, H, W).

    Args:
        image: uint8 (H', W', channels), scaled, see `scaled_image`.
        passes: of the network.
        tiling: how windows are cut.
        size: (height, width) of a window, where the tiling has none of its own.
        native: (height, width) of the map.
    """
    height, width = tiling.size or size
    tiles = Tiles(
        Axis(image.shape[0], height, tiling.overlap),
        Axis(image.shape[1], width, tiling.overlap),
    )
    blended = tiles.blend(passes.maps(tiles.cut(image), repeat((height, width))))
    found: NDArray[np.float32] = resize_tensor(torch.from_numpy(blended)[None], native)[0].numpy()
    return found
