"""Whole numbers as text: decimals joined by one space, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GROUP = 10_000
_DIGITS = 4
_GROUPS = 3
_LIMIT = _GROUP**_GROUPS
_DIGITS_AND_SPACE = b"0123456789 "
_SHOWN = 20
_SPACE = np.uint32(ord(" "))
Numbers = NDArray[np.int64]


def _words(zero: str) -> NDArray[np.uint32]:
    """Return four bytes for each of 2 × 10,000 groups of digits: first groups, then further ones.

    Args:
        zero: how a first group of 0 is written.
    """
    first = [zero, *map(str, range(1, _GROUP))]
    text = "".join(word.ljust(_DIGITS, "\0") for word in first)
    return np.frombuffer((text + "".join(f"{i:04}" for i in range(_GROUP))).encode(), np.uint32)


_LAST, _BEFORE = _words("0"), _words("")


def encode_numbers(numbers: Numbers, ends: NDArray[np.uint32] | np.uint32 = _SPACE) -> bytes:
    """Return each number as decimals with an ASCII character after it.

    Args:
        numbers: (n,), 0…10¹² − 1.
        ends: code of the character after each number, (n,), or of that after all.
    """
    n_groups = 1
    while n_groups < _GROUPS and numbers.size and numbers.max() >= _GROUP**n_groups:
        n_groups += 1
    words = np.empty((numbers.size, n_groups + 1), np.uint32)
    words[:, n_groups] = ends
    rest, table = numbers, _LAST
    for column in range(n_groups - 1, -1, -1):
        rest, group = np.divmod(rest, _GROUP)
        words[:, column] = table.take(group + (rest > 0) * _GROUP)
        table = _BEFORE
    return words.tobytes().translate(None, b"\0")


def decode_numbers(text: bytes) -> Numbers | None:
    """Return the numbers of `text`, int64 (n,), or None unless it is exactly their encoding.

    That refuses signs, leading zeros, other white space and numbers of more than 12 digits.
    """
    if not text or text.translate(None, _DIGITS_AND_SPACE):
        return None
    # Anything else in the text would make this warn; what it reads too loosely differs below.
    numbers = np.fromstring(text, np.int64, sep=" ")
    if not numbers.size or numbers.max() >= _LIMIT:
        return None
    return numbers if encode_numbers(numbers) == text + b" " else None


def number_fault(found: list[bytes], position: int, what: str) -> str:
    """Return why one of the parts of a text between its spaces is no number.

    Args:
        found: all parts.
        position: of the part, from 1.
        what: the numbers are, as in "label".
    """
    part = found[position - 1]
    if not part:
        if position == 1:
            return f"a space before the first {what}"
        return "two spaces in a row" if position < len(found) else f"a space after the last {what}"
    shown = part[:_SHOWN].decode("utf-8", errors="replace")
    return f"'{shown}' has a leading zero" if part.isdigit() else f"'{shown}' is not a {what}"
