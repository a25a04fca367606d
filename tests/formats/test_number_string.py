from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.formats.number_string import decode_numbers, encode_numbers

numbers = st.integers(0, 10**12 - 1) | st.integers(0, 12).map(lambda power: 10**power - 1)


@settings(max_examples=200, deadline=None)
@given(st.lists(numbers | st.integers(0, 20_000), max_size=8))
def test_writes_decimals_and_reads_them_back(values: list[int]) -> None:
    text = encode_numbers(np.array(values, np.int64))
    assert text.decode() == "".join(f"{value} " for value in values)
    if values:
        back = decode_numbers(text[:-1])
        assert back is not None
        assert back.tolist() == values


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=10) | st.text("0123456789 ", max_size=16).map(str.encode))
def test_reads_exactly_what_it_writes(text: bytes) -> None:
    parts = text.split(b" ")
    valid = all(re.fullmatch(rb"0|[1-9][0-9]{0,11}", part) for part in parts)
    found = decode_numbers(text)
    assert (found is not None) == valid
    if found is not None:
        assert found.tolist() == [int(part) for part in parts]


@pytest.mark.parametrize("limit", [10, 9_999, 10_000, 99_999_999, 100_000_000])
def test_every_length_of_number(limit: int) -> None:
    values = np.arange(max(limit - 300, 0), limit + 300)
    ends = np.where(values % 2, ord(";"), ord("\n")).astype(np.uint32)
    expected = "".join(f"{value}{chr(end)}" for value, end in zip(values, ends, strict=True))
    assert encode_numbers(values, ends).decode() == expected
