"""Label maps as text: decimal labels joined by one space, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from toolkit.formats.number_string import number_fault

_ZERO = np.uint8(ord("0"))
_ABSENT = b"\xff"
# Labels or bytes that are worked on at once: they stay in the cache, and most blocks have labels of
# one digit only.
_BLOCK = 1 << 14
# A label below 10 and its space as one little-endian number, less the label.
_UNIT = np.uint16(ord(" ") << 8 | ord("0"))

Fault = tuple[int | None, str]
"""Position of a label in its row from 1, or None, and what is wrong there."""

_SHOWN = 20
_LABEL = re.compile(rb"0|[1-9][0-9]{0,2}")


def _words() -> NDArray[np.uint32]:
    """Return every label as four bytes: digits, a space, NULs."""
    text = "".join(f"{label} ".ljust(4, "\0") for label in range(256))
    return np.frombuffer(text.encode(), np.uint32)


_WORDS = _words()


def encode_labels(labels: NDArray[np.uint8]) -> bytes:
    """Return `" ".join(map(str, labels.ravel()))` of a uint8 array of any shape, row-major."""
    flat = labels.ravel()
    return b" ".join([_encode(flat[i : i + _BLOCK]) for i in range(0, flat.size, _BLOCK)])


def _encode(labels: NDArray[np.uint8]) -> bytes:
    if labels.size and labels.max() < 10:
        return (labels.astype("<u2") + _UNIT).tobytes()[:-1]
    return _WORDS.take(labels).tobytes().translate(None, b"\0")[:-1]


def decode_labels(text: bytes) -> NDArray[np.uint8] | None:
    """Return the labels of `text`, uint8 (n,), or None unless `encode_labels` gives it back.

    That refuses everything that is not exactly the format: signs, leading zeros, other white space,
    numbers above 254.
    """
    blocks = []
    start = 0
    while start <= len(text):
        stop = text.find(b" ", start + _BLOCK)
        stop = len(text) if stop < 0 else stop
        labels = _decode(text[start:stop])
        if labels is None:
            return None
        blocks.append(labels)
        start = stop + 1
    return np.concatenate(blocks)


def _decode(text: bytes) -> NDArray[np.uint8] | None:
    if len(text) % 2:
        units = np.frombuffer(text + b" ", "<u2") - _UNIT
        if units.max() < 10:
            return units.astype(np.uint8)
    labels = _decode_loosely(text)
    return labels if labels.size and _encode(labels) == text else None


def _decode_loosely(text: bytes) -> NDArray[np.uint8]:
    """Return the labels of a valid text, and anything for another."""
    values = np.frombuffer(b"   " + text + b" ", np.uint8) - _ZERO
    is_digit = (values < 10).view(np.uint8)
    digits = values * is_digit
    # At the last digit of a label this is its value, with two neighbours to the left looked at.
    numbers = digits[3:-1] + digits[2:-2] * np.uint8(10)
    numbers += digits[1:-3] * is_digit[2:-2] * np.uint8(100)
    # Everywhere else it becomes the byte that is then dropped.
    numbers |= np.negative(is_digit[3:-1] ^ 1 | is_digit[4:])
    return np.frombuffer(numbers.tobytes().translate(None, _ABSENT), np.uint8)


def explain_labels(text: bytes, size: tuple[int, int], n_classes: int) -> Iterator[Fault]:
    """Yield what is wrong with a text of labels, at most its first wrong label and its length."""
    if not text:
        yield None, "the label string is empty"
        return
    found = text.split(b" ")
    wrong = [
        position
        for position, label in enumerate(found, start=1)
        if not _LABEL.fullmatch(label) or int(label) >= n_classes
    ]
    if wrong:
        first = wrong[0]
        more = f"; {len(wrong) - 1:,} more like it in this row" if len(wrong) > 1 else ""
        yield first, _what_is_wrong(found, first, n_classes) + more
    n_found, expected = sum(label != b"" for label in found), size[0] * size[1]
    if n_found != expected and not (wrong and n_found == 1):
        side = int(n_found**0.5)
        guess = f", perhaps {side} × {side}" if side > 1 and side * side == n_found else ""
        told = f"{n_found:,} {'label' if n_found == 1 else 'labels'}{guess}"
        yield n_found, f"{told}; expected {expected:,} ({size[0]} × {size[1]})"


def _what_is_wrong(found: list[bytes], position: int, n_classes: int) -> str:
    label = found[position - 1]
    if label.isdigit() and (label == b"0" or not label.startswith(b"0")):
        shown = label[:_SHOWN].decode()
        return f"label {shown} is outside the {n_classes} classes (0…{n_classes - 1})"
    return number_fault(found, position, "label")
