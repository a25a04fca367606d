from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.photo_set import PhotoSet
from toolkit.files import digest_of

DIGESTS = [digest_of(str(number)) for number in range(2000)]


@given(st.sets(st.integers(0, 1999)), st.sets(st.integers(0, 1999)))
def test_is_the_set_of_its_photos(one: set[int], other: set[int]) -> None:
    first, second = (PhotoSet.of(DIGESTS[number] for number in each) for each in (one, other))
    both = PhotoSet.from_text((first | second).as_text())
    assert both == first | second
    assert len(both) == len(one | other)
    assert {number for number, digest in enumerate(DIGESTS) if digest in both} == one | other


def test_is_small() -> None:
    assert len(PhotoSet.of(DIGESTS).as_text()) < 11 * len(DIGESTS)


@pytest.mark.parametrize("text", ["?", "QUJD", "ä", "QUJD" * 3 + "="])
def test_damaged_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        PhotoSet.from_text(text)
