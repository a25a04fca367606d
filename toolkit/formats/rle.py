"""Label maps as runs of equal labels, written as Kaggle's run-length encodings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.formats.number_string import decode_numbers, encode_numbers, number_fault

_SPACE, _LINE = np.uint32(ord(" ")), np.uint32(ord("\n"))
_NUMBER = re.compile(rb"0|[1-9][0-9]*")
_SHOWN = 20

Fault = tuple[int, int, str]
"""Position of the text in its list (from 0) and of the number in it (from 1), what is wrong."""


@dataclass(frozen=True)
class LabelText:
    """The runs of one label of a map: "start length start length …"; empty for no run."""

    label: int
    text: bytes


def encode_runs(flat: NDArray[np.uint8], first: int) -> dict[int, bytes]:
    """Return the runs of every label that a map holds, but 0, as text.

    Args:
        flat: uint8 (n,), the labels in the order in which pixels are numbered.
        first: number of the first pixel, 0 or 1.
    """
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    labels = flat[starts]
    order = np.argsort(labels, kind="stable")[np.count_nonzero(labels == 0) :]
    lengths = np.diff(starts, append=flat.size)
    numbers = np.stack((starts[order] + first, lengths[order]), axis=1).ravel()
    present, counts = np.unique(labels[order], return_counts=True)
    ends = np.full(numbers.size, _SPACE)
    ends[2 * np.cumsum(counts) - 1] = _LINE
    texts = encode_numbers(numbers, ends).split(b"\n")
    return dict(zip(present.tolist(), texts[:-1], strict=True))


def decode_runs(texts: Sequence[LabelText], n_pixels: int, first: int) -> NDArray[np.uint8] | None:
    """Return the labels of a map, uint8 (n_pixels,), 0 where there is no run; None if one is wrong.

    Runs must have pixels, lie inside the map, ascend in their text and cover no pixel twice.

    Args:
        texts: the runs of each label, each label once.
        n_pixels: size of the map.
        first: number of the first pixel, 0 or 1.
    """
    filled = [each for each in texts if each.text]
    if not filled:
        return np.zeros(n_pixels, np.uint8)
    counts = np.array([each.text.count(b" ") + 1 for each in filled])
    numbers = decode_numbers(b" ".join([each.text for each in filled]))
    if numbers is None or (counts % 2).any():
        return None
    starts, lengths = numbers[0::2] - first, numbers[1::2]
    stops = starts + lengths
    if starts.min() < 0 or lengths.min() < 1 or stops.max() > n_pixels:
        return None
    # One number for (text, pixel): what ascends in every text ascends altogether.
    text_of = np.repeat(np.arange(len(filled)), counts // 2)
    ascending = starts + text_of * n_pixels
    order = np.argsort(starts, kind="stable")
    if (np.diff(ascending) < 1).any() or (starts[order][1:] < stops[order][:-1]).any():
        return None
    labels = np.array([each.label for each in filled], np.uint8)[text_of[order]]
    bounds = np.stack((starts[order], stops[order]), axis=1).ravel()
    values = np.zeros(bounds.size + 1, np.uint8)
    values[1::2] = labels
    return values.repeat(np.diff(bounds, prepend=0, append=n_pixels))


def explain_runs(
    texts: Sequence[LabelText], names: Sequence[str], n_pixels: int, first: int
) -> Iterator[Fault]:
    """Yield the first fault of each text that `decode_runs` refuses, or the first overlap of two.

    Args:
        texts: the runs of each label.
        names: index = label.
        n_pixels: size of the map.
        first: number of the first pixel, 0 or 1.
    """
    faulty = False
    for position, each in enumerate(texts):
        fault = _text_fault(each.text, n_pixels, first) if each.text else None
        if fault is not None:
            faulty = True
            yield position, *fault
    if faulty:
        return
    owner = np.full(n_pixels, -1)
    for position, each in enumerate(texts):
        numbers = [int(number) for number in each.text.split()]
        for index in range(0, len(numbers), 2):
            start = numbers[index] - first
            run = owner[start : start + numbers[index + 1]]
            taken = run[run >= 0]
            if taken.size:
                pixel = start + int(np.argmax(run >= 0)) + first
                other = names[texts[int(taken[0])].label]
                yield (
                    position,
                    index + 1,
                    f"the run of {names[each.label]} covers pixel {pixel}, which {other} has "
                    "already",
                )
                return
            run[:] = position


def _text_fault(text: bytes, n_pixels: int, first: int) -> tuple[int, str] | None:
    found = text.split(b" ")
    end = first
    for position, token in enumerate(found, start=1):
        if not _NUMBER.fullmatch(token):
            return position, number_fault(found, position, "number")
        # Longer numbers are outside anyway, and Python refuses to read the longest.
        number = int(token) if len(token) <= _SHOWN else n_pixels + first
        shown = token[:_SHOWN].decode()
        if position % 2:
            start = number
            last = first + n_pixels - 1
            if not first <= start <= last:
                return position, f"the run begins at {shown}, outside the pixels {first}…{last}"
            if start < end:
                return position, f"the run begins at {shown}, but the one before ends at {end - 1}"
        elif number < 1:
            return position, "the run has no pixels"
        elif start + number - first > n_pixels:
            return position, f"the run from {start} of {shown} pixels ends outside the map"
        else:
            end = start + number
    if len(found) % 2:
        numbers = "number" if len(found) == 1 else "numbers"
        return len(found), f"{len(found):,} {numbers}: the last start has no length"
    return None
