"""From the masks of the synthetic contest to COCO annotations: polygons and run lengths."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from toolkit.demo.scene import SceneObject

_FINER = 4
_TOLERANCE = 0.3  # pixels that an outline may stray: no pixel's centre changes sides
_RLE_SHARE = 0.1


def _rings(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]] | None:
    """Return the outlines (n,2) x,y of every part, or None when a part has a hole."""
    finer = cv2.resize(
        mask.astype(np.uint8), None, fx=_FINER, fy=_FINER, interpolation=cv2.INTER_NEAREST
    )
    contours, hierarchy = cv2.findContours(finer, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if any(parent >= 0 for parent in hierarchy[0, :, 3]):
        return None
    rough = [cv2.approxPolyDP(contour, _TOLERANCE * _FINER, True) for contour in contours]
    return [(ring[:, 0] + 0.5) / _FINER for ring in rough if len(ring) >= 3]


def _polygon_annotation(rings: list[NDArray[np.float64]]) -> dict[str, Any]:
    points = np.concatenate(rings)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    area = sum(cv2.contourArea(ring.astype(np.float32)) for ring in rings)
    return {
        "segmentation": [np.round(ring, 2).ravel().tolist() for ring in rings],
        "area": round(float(area), 2),
        "bbox": [round(float(edge), 2) for edge in (left, top, right - left, bottom - top)],
        "iscrowd": 0,
    }


def _plain_rle(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return uncompressed run lengths, column by column, starting with the zeros before."""
    pixels = np.concatenate([[False], mask.ravel(order="F"), [False]])
    changes = np.flatnonzero(pixels[1:] != pixels[:-1])
    counts = np.diff(np.concatenate([[0], changes, [mask.size]])).tolist()
    return {"counts": counts[:-1] if counts[-1] == 0 else counts, "size": list(mask.shape)}


def segment(item: SceneObject, rng: np.random.Generator) -> dict[str, Any]:
    """Return the `segmentation`, `area`, `bbox` and `iscrowd` of an item.

    Heaps become uncompressed run lengths with `iscrowd` 1, as in COCO itself; items with holes and
    a tenth of the others become compressed run lengths; the rest become polygons, one per part.
    """
    rings = None if item.crowd or rng.random() < _RLE_SHARE else _rings(item.mask)
    if rings:
        return _polygon_annotation(rings)
    packed = coco_mask.encode(np.asfortranarray(item.mask, dtype=np.uint8))
    text = {"counts": packed["counts"].decode("ascii"), "size": list(item.mask.shape)}
    return {
        "segmentation": _plain_rle(item.mask) if item.crowd else text,
        "area": float(coco_mask.area(packed)),
        "bbox": coco_mask.toBbox(packed).tolist(),
        "iscrowd": int(item.crowd),
    }
