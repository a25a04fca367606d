"""The synthetic contest: litter scenes in the real contest's format, the same on every call."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from toolkit.demo.annotations import segment
from toolkit.demo.scene import KINDS, draw_scene
from toolkit.errors import UsageError
from toolkit.files import read_json
from toolkit.progress import Bar, Progress
from toolkit.recipe.data_tables import Demo
from toolkit.seeds import Stream, generator

_DESCRIPTION = "demo.json"
_SCHEMA = 1
_GENERATOR = 1  # raise it with every change of the drawing: folders of the old one are then refused
_JPEG_QUALITY = 92

_SPLITS = (("train", "batch_01_vt"), ("val", "batch_02_vt"), ("test", "batch_03"))
_FILES = (
    "train.json",
    "val.json",
    "train_all.json",
    "test.json",
    "test_truth.json",
    "sample_submission.csv",
)

Coco = dict[str, Any]


def write_demo(root: Path, demo: Demo, progress: Progress) -> None:
    """Write the synthetic contest into the folder `root` unless it is there already.

    Equal parameters give equal bytes with the same OpenCV and kind of processor (elsewhere equal
    annotations, and colours that differ by 1 of 255 in a few pixels of a million); image i of a
    split does not depend on how many there are.
    The folder appears complete or not at all. Files: train.json, val.json, train_all.json (both),
    test.json (no annotations), test_truth.json (with them), sample_submission.csv (only a header),
    demo.json (what was written) and the images.

    Raises:
        UsageError: `root` holds something else; nothing is ever overwritten.
    """
    root = root.resolve()
    if _is_written(root, demo):
        return
    with _new_folder(root) as folder:
        _write(folder, demo, progress)
        if not _is_written(root, demo):  # else another process was faster
            folder.replace(root)


def _description(demo: Demo) -> dict[str, Any]:
    values = demo.model_dump(mode="json", exclude_none=True)
    return {"schema": _SCHEMA, "generator": _GENERATOR, **values}


def demo_classes(demo: Demo) -> tuple[str, ...]:
    """Return the names of the demo's categories, in label order from 1."""
    return demo.classes or tuple(kind.name for kind in KINDS)


def _is_written(root: Path, demo: Demo) -> bool:
    """Tell whether this very demo is in `root`; False means that `root` is free."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    hint = f"Choose another folder, or delete {root} to have the demo written there."
    if not (root / _DESCRIPTION).is_file():
        raise UsageError(f"{root} exists and holds no complete demo contest", hint)
    found, wanted = read_json(root / _DESCRIPTION, "description of the demo"), _description(demo)
    if found != wanted:
        if not isinstance(found, dict):
            raise UsageError(f"{root / _DESCRIPTION} is no description of a demo contest", hint)
        names = [name for name in (*wanted, *found) if found.get(name) != wanted.get(name)]
        differences = ", ".join(
            f"{name} {found.get(name)} (wanted: {wanted.get(name)})"
            for name in dict.fromkeys(names)
        )
        raise UsageError(f"{root} holds another demo contest: {differences}", hint)
    lost = [name for name in _FILES if not (root / name).is_file()]
    if lost:
        raise UsageError(f"{root}: the demo contest lost {', '.join(lost)}", hint)
    return True


@contextmanager
def _new_folder(root: Path) -> Iterator[Path]:
    folder = root.with_name(f".{root.name}.{uuid.uuid4().hex[:8]}.unfinished")
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        # The name of the unfinished folder means nothing to a user.
        raise OSError(error.errno, error.strerror, str(root)) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, demo: Demo, progress: Progress) -> None:
    counts = {"train": demo.train, "val": demo.val, "test": demo.test}
    truth: dict[str, Coco] = {}
    with progress.bar("writing demo contest", sum(counts.values()), "images") as bar:
        for number, (split, batch) in enumerate(_SPLITS):
            (folder / batch).mkdir()
            truth[split] = _write_split(folder, demo, number, batch, counts[split], bar)
    _write_json(folder / "train.json", truth["train"])
    _write_json(folder / "val.json", truth["val"])
    _write_json(folder / "train_all.json", _join(truth["train"], truth["val"]))
    _write_json(folder / "test.json", {**truth["test"], "annotations": []})
    _write_json(folder / "test_truth.json", truth["test"])
    (folder / "sample_submission.csv").write_bytes(b"image_id,PredictionString\n")
    _write_json(folder / _DESCRIPTION, _description(demo))  # last: it says that all is there


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value) + "\n", encoding="utf-8", newline="\n")


def _write_split(folder: Path, demo: Demo, number: int, batch: str, count: int, bar: Bar) -> Coco:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    names = demo_classes(demo)
    for index in range(count):
        scene = draw_scene(demo.seed, number, index, demo.size)
        name = f"{batch}/{index:04d}.jpg"
        _, jpeg = cv2.imencode(
            ".jpg",
            cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY],
        )
        (folder / name).write_bytes(jpeg.tobytes())
        images.append(_image_record(index, name, demo.size))
        rng = generator(Stream.OUTLINES, demo.seed, number, index)
        for item in scene.items:
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": index,
                    # By image too: more names than kinds of objects all get some.
                    "category_id": (item.label - 1 + len(KINDS) * index) % len(names),
                    **segment(item, rng),
                }
            )
        bar.advance()
    return {
        "info": {
            "description": "Synthetic litter scenes in the format of the trash contest",
            "version": str(_GENERATOR),
        },
        "licenses": [{"id": 0, "name": "CC0 1.0", "url": None}],
        "images": images,
        "categories": [
            {"id": position, "name": name, "supercategory": name}
            for position, name in enumerate(names)
        ],
        "annotations": annotations,
    }


def _image_record(index: int, name: str, size: int) -> dict[str, Any]:
    return {
        "license": 0,
        "url": None,
        "file_name": name,
        "height": size,
        "width": size,
        "date_captured": None,
        "id": index,
    }


def _join(first: Coco, second: Coco) -> Coco:
    """Join two splits and number images and annotations anew from 0, as the contest did."""
    images, annotations = len(first["images"]), len(first["annotations"])
    return {
        **first,
        "images": [
            *first["images"],
            *({**image, "id": image["id"] + images} for image in second["images"]),
        ],
        "annotations": [
            *first["annotations"],
            *(
                {**one, "id": one["id"] + annotations, "image_id": one["image_id"] + images}
                for one in second["annotations"]
            ),
        ],
    }
