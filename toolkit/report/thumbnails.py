"""Small pictures for reports: photos, and label maps to be laid over them."""

from __future__ import annotations

import colorsys
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.resize import resize_image, resize_labels

_QUALITIES = (82, 70, 55, 40, 25, 10)
# The default of OpenCV is made for photos: stripes take four times as much.
_PNG = [
    cv2.IMWRITE_PNG_COMPRESSION,
    9,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_DEFAULT,
]
_LABEL_ALPHA = 150
_STRIPE = 4
"""Width of the stripes over pixels that are not trusted, pixels of the thumbnail."""
_STRIPE_COLOUR = (205, 205, 205, 225)
_CLEAR = (0, 0, 0, 0)
_WRONG_COLOUR = (255, 48, 48)
_RIGHT_VEIL = (0, 0, 0, 140)
_BETWEEN_STRIPES = (25, 25, 25, 110)


def class_colours(n_classes: int) -> NDArray[np.uint8]:
    """Return a colour per label, RGB uint8 (C, 3); label 0 is black.

    Hues are spread evenly, and neighbours differ in brightness too.
    """
    colours = [(0.0, 0.0, 0.0)]
    for number in range(n_classes - 1):
        value = 1.0 if number % 2 == 0 else 0.72
        colours.append(colorsys.hsv_to_rgb(number / max(n_classes - 1, 1), 0.85, value))
    return np.round(np.array(colours) * 255).astype(np.uint8)


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return (height, width) of a thumbnail whose longer side is `side`; never enlarged."""
    scale = min(side / max(size), 1.0)
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def photo_jpeg(image: NDArray[np.uint8], size: tuple[int, int], most: int) -> bytes:
    """Return a photo, uint8 RGB (H, W, 3), as a JPEG of (height, width) and at most `most` bytes.

    The quality is lowered until it fits; the lowest one counts whatever its size.
    """
    small = cv2.cvtColor(resize_image(image, size), cv2.COLOR_RGB2BGR)
    encoded = b""
    for quality in _QUALITIES:
        encoded = _encoded(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(encoded) <= most:
            break
    return encoded


def labels_png(
    predicted: NDArray[np.uint8],
    trusted: NDArray[np.bool_],
    colours: NDArray[np.uint8],
    size: tuple[int, int],
    most: int,
    behind: tuple[int, int, int, int] = _CLEAR,
) -> bytes:
    """Return labels as a PNG to be laid over the photo: background is clear, doubt is striped.

    Args:
        predicted: uint8 (H, W) labels; those without a colour are left clear.
        trusted: (H, W), False where stripes are to be.
        colours: RGB uint8 (C, 3), one per label.
        size: (height, width) of the picture; smaller when it would take more than `most` bytes.
        most: bytes.
        behind: RGBA of background and of labels without a colour.
    """
    palette = np.full((256, 4), behind, np.uint8)
    palette[: len(colours), :3] = colours
    palette[1 : len(colours), 3] = _LABEL_ALPHA
    while True:
        labels = resize_labels(predicted, size)
        doubtful = resize_labels(trusted.view(np.uint8), size) == 0
        picture = palette[labels]
        picture[doubtful & ((labels == 0) | (labels >= len(colours)))] = _BETWEEN_STRIPES
        rows, columns = np.indices(size, sparse=True)
        picture[doubtful & ((rows + columns) // _STRIPE % 2 == 0)] = _STRIPE_COLOUR
        encoded = _encoded(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA), _PNG)
        if len(encoded) <= most or max(size) < 2 * _STRIPE:
            return encoded
        size = fitted(size, max(size) * 3 // 4)


def errors_png(
    right: NDArray[np.bool_], known: NDArray[np.bool_], size: tuple[int, int], most: int
) -> bytes:
    """Return where labels are wrong as a PNG to be laid over the photo.

    What is right is darkened, what is wrong is bright red, and what does not count is striped.

    Args:
        right: bool (H, W).
        known: bool (H, W), False for pixels that do not count.
        size: (height, width) of the picture; smaller when it would take more than `most` bytes.
        most: bytes.
    """
    colours = np.zeros((2, 3), np.uint8)
    colours[1] = _WRONG_COLOUR
    return labels_png((~right).astype(np.uint8), known, colours, size, most, behind=_RIGHT_VEIL)


def _encoded(ending: str, picture: NDArray[Any], options: list[int]) -> bytes:
    _, data = cv2.imencode(ending, picture, options)
    return data.tobytes()
