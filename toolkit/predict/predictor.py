"""Predicting a split with one member: from images through the network to a probability store."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import DecodedImages
from toolkit.data.split import Split
from toolkit.files import digest_of
from toolkit.memory import keep_freed_memory
from toolkit.predict.member import Member, require_same_photos
from toolkit.predict.passes import Passes, member_passes, scaled_image, tiled_map
from toolkit.predict.store import ProbabilityStore, StoreIndex, open_store
from toolkit.predict.writer import StoreWriter, open_writer
from toolkit.progress import Bar, Progress
from toolkit.recipe.views import Tiling
from toolkit.train.device import explain_out_of_memory

PROCEDURE = 2
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
    image's native size, and become probabilities there, which the views' merge makes one map of. A
    tiled image is instead predicted in windows of the member's input size, window by window in the
    same way, and the maps of the windows are blended.

    Args:
        member: who predicts; its network is not built when the store is already there.
        split: the images.
        cache: folder of caches; the store is at `stores/<key>` in it.
        store: number type of the stored maps: "u8", "u16", "f16" or "f32".
        progress: told while predicting.
        batch_size: images, or windows, per forward pass; default: that of its recipe.

    Raises:
        UsageError: a broken image, photos of other channels or values than the member's, or a model
            that does not fit its checkpoint.
        TrashError: too little space on the disk, or an output that is not finite.
    """
    require_same_photos(member, split)
    index = _index(member, split, store)
    folder = cache / "stores" / store_key(index)
    if folder.exists():
        return open_store(folder)
    cache.joinpath("stores").mkdir(parents=True, exist_ok=True)
    name = f"{member.name} on {split.name}"

    def say_waiting() -> None:
        progress.say(f"another process is predicting {name}: waiting for it")

    with open_writer(folder, index, say_waiting) as writer:
        if writer is not None and writer.done < len(split):
            if writer.done:
                progress.say(
                    f"predicting {name}: {writer.done} of {len(split)} images were predicted before"
                )
            keep_freed_memory()
            passes = member_passes(member, batch_size)
            with progress.bar(f"predicting {name}", len(split), "images") as bar:
                bar.advance(writer.done)
                tiling = member.views.tiling
                size = member.checkpoint.image_size
                if tiling is None:
                    maps = _whole(split, passes, size, writer.done)
                else:
                    maps = _predict_tiled(split, passes, tiling, size, writer.done)
                try:
                    _write(maps, writer, bar)
                except KeyboardInterrupt:
                    if writer.done:
                        kept = f"the maps of {writer.done} of {len(split)} images are kept"
                        progress.say(f"{kept}: the same command goes on after them")
                    raise
            split.refuse_changed_photos()
    return open_store(folder)


def find_store(member: Member, split: Split, *, cache: Path, store: str) -> ProbabilityStore | None:
    """Return the store of a member's maps on a split if it was predicted before.

    Args:
        member: who predicts.
        split: the images.
        cache: folder of caches.
        store: number type of the stored maps.

    Raises:
        TrashError: it is damaged.
    """
    folder = cache / "stores" / store_key(_index(member, split, store))
    return open_store(folder) if folder.exists() else None


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
            "images": digest_of(*split.pictures),
            "procedure": str(PROCEDURE),
        },
    )


_Maps = Iterable[NDArray[np.float32]]
"""Maps of a few images, made as they are asked for."""


def _write(batches: Iterable[_Maps], writer: StoreWriter, bar: Bar) -> None:
    out_of_memory = explain_out_of_memory(
        "Predict fewer images at once: trash predict CKPT --batch-size 1, then submit again."
    )
    # Reading and writing run beside the network, each at most one batch (or `_AT_ONCE`) away.
    with out_of_memory, ThreadPoolExecutor(1) as writing_thread:
        written: Future[None] | None = None
        for maps in batches:
            for piece in _pieces(maps):
                if written is not None:
                    written.result()
                written = writing_thread.submit(writer.append, piece)
                bar.advance(len(piece))
        if written is not None:
            written.result()


def _pieces(maps: _Maps) -> Iterator[list[NDArray[np.float32]]]:
    piece: list[NDArray[np.float32]] = []
    for each in maps:
        piece.append(each)
        if sum(waiting.nbytes for waiting in piece) >= _AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece


def _whole(split: Split, passes: Passes, size: tuple[int, int], first: int) -> Iterator[_Maps]:
    """Yield the maps of each batch of images that are resized to the network's input."""
    images = DecodedImages(split, size)
    sizes = [(record.height, record.width) for record in split.images]
    for start, batch in _read(images.__getitem__, range(first, len(split)), passes.batch_size):
        yield passes.maps(batch, sizes[start : start + len(batch)])


def _predict_tiled(
    split: Split, passes: Passes, tiling: Tiling, size: tuple[int, int], first: int
) -> Iterator[_Maps]:
    """Yield the map of each image that is predicted in windows, one at a time."""
    images = DecodedImages(split, None)

    def read(position: int) -> NDArray[np.uint8]:
        return scaled_image(images[position], tiling.scale)

    for position, (image,) in _read(read, range(first, len(split)), 1):
        record = split.images[position]
        yield [tiled_map(image, passes, tiling, size, (record.height, record.width))]


def _read(
    load: Callable[[int], NDArray[np.uint8]], positions: range, batch_size: int
) -> Iterator[tuple[int, list[NDArray[np.uint8]]]]:
    """Yield (position of the first image, the images) of each batch, reading one batch ahead."""
    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(min(_READERS, os.cpu_count() or 1)) as readers:

        def submit(start: int) -> list[Future[NDArray[np.uint8]]]:
            here = range(start, min(start + batch_size, positions.stop))
            return [readers.submit(load, position) for position in here]

        coming = submit(positions.start)
        for start in positions[::batch_size]:
            ready, coming = coming, submit(start + batch_size)
            yield start, [future.result() for future in ready]
