"""Predicting a split with one member: images -> network -> probability store."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from toolkit.data.contest import Split
from toolkit.data.images import DecodedImages
from toolkit.errors import UsageError
from toolkit.files import digest_of
from toolkit.memory import keep_freed_memory
from toolkit.predict.member import Member
from toolkit.predict.store import ProbabilityStore, StoreIndex, open_store
from toolkit.predict.views import ViewSet
from toolkit.predict.writer import StoreWriter, writing
from toolkit.progress import Bar, Progress
from toolkit.train.device import Compute, explained_out_of_memory, make_compute
from toolkit.train.outputs import main_output

PROCEDURE = 1
"""Part of every store's key: raise it when the same member and images give other maps."""

_READERS = 8
_AT_ONCE = 1 << 28
"""Bytes of maps that are written together: more would not fit into memory for large photos."""


def predict_split(
    member: Member,
    split: Split,
    *,
    cache: Path,
    store: str,
    progress: Progress,
    batch_size: int | None = None,
) -> ProbabilityStore:
    """Return the store of a member's maps on a split, predicting only the images it lacks.

    Images are resized to the member's input size and normalised as it was trained. The logits of
    the main output are turned back to the original orientation, resized bilinearly to the
    image's native size, and become probabilities there; views are averaged as probabilities.

    Args:
        member: who predicts; its network is not built when the store is already there.
        split: the images.
        cache: folder of caches; the store is at `stores/<key>` in it.
        store: number type of the stored maps: "u8", "u16", "f16" or "f32".
        progress: told while predicting.
        batch_size: images per forward pass; default: that of its recipe.

    Raises:
        UsageError: a broken image, or a model that does not fit its checkpoint.
        TrashError: too little space on the disk, or an output that is not finite.
    """
    index = _index(member, split, store)
    folder = cache / "stores" / store_key(index)
    if folder.exists():
        return open_store(folder)
    cache.joinpath("stores").mkdir(parents=True, exist_ok=True)
    name = f"{member.name} on {split.name}"

    def say_waiting() -> None:
        progress.say(f"another process is predicting {name}: waiting for it")

    with writing(folder, index, say_waiting) as writer:
        if writer is not None and writer.done < len(split):
            if writer.done:
                progress.say(f"predicting {name}: {writer.done} of {len(split)} images are there")
            keep_freed_memory()
            compute = make_compute(
                member.device,
                precision=member.precision,
                channels_last=member.recipe.train.channels_last,
                mean=member.checkpoint.mean,
                std=member.checkpoint.std,
            )
            with progress.bar(f"predicting {name}", len(split), "images") as bar:
                bar.advance(writer.done)
                size = batch_size or member.recipe.predict.batch_size
                _predict(member, split, compute, size, writer, bar)
    return open_store(folder)


def store_key(index: StoreIndex) -> str:
    """Return the name of the store's folder: a digest of everything that its maps depend on."""
    return digest_of(json.dumps(index.to_json(), sort_keys=True))


def _index(member: Member, split: Split, store: str) -> StoreIndex:
    return StoreIndex(
        class_names=member.class_names,
        file_names=split.file_names,
        sizes=tuple((record.height, record.width) for record in split.images),
        dtype=store,
        origin={
            "checkpoint": member.digest,
            "model_code": member.source_digest(),
            "views": member.views.text,
            "views_digest": member.views.digest,
            "precision": member.precision,
            "images": _images_digest(split),
            "procedure": str(PROCEDURE),
        },
    )


def _images_digest(split: Split) -> str:
    states = []
    for position, name in enumerate(split.file_names):
        try:
            state = split.path(position).stat()
        except OSError as error:
            raise UsageError(
                f"image not found: {split.path(position)} ({error.strerror})"
            ) from None
        states.append([name, state.st_size, state.st_mtime_ns])
    return digest_of(json.dumps(states))


def _predict(
    member: Member,
    split: Split,
    compute: Compute,
    batch_size: int,
    writer: StoreWriter,
    bar: Bar,
) -> None:
    model = compute.place(member.model)
    sizes = [(record.height, record.width) for record in split.images]
    out_of_memory = explained_out_of_memory(
        "Predict fewer images at once: trash predict CKPT --batch-size 1, then submit again."
    )
    # Reading and writing run beside the network; at most one batch, or `_AT_ONCE`, waits on either side.
    with out_of_memory, ThreadPoolExecutor(1) as writing_thread:
        written: Future[None] | None = None
        for first, images in _batches(split, member, writer.done, batch_size):
            batch_sizes = sizes[first : first + len(images)]
            maps = _probabilities(
                model, torch.from_numpy(images), member.views, compute, batch_sizes
            )
            for piece in _pieces(maps):
                if written is not None:
                    written.result()
                written = writing_thread.submit(writer.append, piece)
                bar.advance(len(piece))
        if written is not None:
            written.result()


def _pieces(maps: Iterable[NDArray[np.float32]]) -> Iterator[list[NDArray[np.float32]]]:
    piece: list[NDArray[np.float32]] = []
    for each in maps:
        piece.append(each)
        if sum(waiting.nbytes for waiting in piece) >= _AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece


def _batches(
    split: Split, member: Member, first: int, batch_size: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield (position of the first image, uint8 (B, 3, H, W)), reading one batch ahead."""
    images = DecodedImages(split, member.checkpoint.image_size)
    starts = range(first, len(split), batch_size)
    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(min(_READERS, os.cpu_count() or 1)) as readers:

        def read(start: int) -> list[Future[NDArray[np.uint8]]]:
            stop = min(start + batch_size, len(split))
            return [readers.submit(images.__getitem__, position) for position in range(start, stop)]

        coming = read(starts[0])
        for start in starts:
            ready = coming
            following = start + batch_size
            coming = read(following) if following < len(split) else []
            batch = np.stack([future.result() for future in ready])
            yield start, np.ascontiguousarray(batch.transpose(0, 3, 1, 2))


@torch.inference_mode()
def _probabilities(
    model: nn.Module,
    images: Tensor,
    views: ViewSet,
    compute: Compute,
    sizes: Sequence[tuple[int, int]],
) -> Iterator[NDArray[np.float32]]:
    """Yield the maps of a batch, float32 (C, H, W) at each image's own size.

    Every view is a forward pass of its own: those that swap height and width have another shape.
    """
    normalised = compute.images(images)
    logits = []
    for view in views.views:
        seen = view.forward(normalised)
        with compute.autocast():
            output = model(seen)
        logits.append(view.inverse(main_output(output).float()))
    for row, size in enumerate(sizes):
        yield _mean_over_views([each[row] for each in logits], size)


def _mean_over_views(logits: Sequence[Tensor], size: tuple[int, int]) -> NDArray[np.float32]:
    total: Tensor | None = None
    for each in logits:
        if each.shape[-2:] != size:
            each = functional.interpolate(each[None], size, mode="bilinear", align_corners=False)[0]
        probabilities = each.softmax(0)
        total = probabilities if total is None else total.add_(probabilities)
    assert total is not None
    mean: NDArray[np.float32] = total.div_(len(logits)).contiguous().cpu().numpy()
    return mean
