from __future__ import annotations

import pytest

from toolkit.wording import counted, name_differences, part_of, some_of, toml_array

IMAGES, HAVE = ("image", "images"), ("has", "have")


@pytest.mark.parametrize(
    ("part", "total", "text"),
    [
        (1, 1, "1 of 1 image has"),
        (1, 5, "1 of 5 images has"),
        (0, 5, "0 of 5 images have"),
        (3, 5, "3 of 5 images have"),
    ],
)
def test_the_verb_agrees_with_the_part_and_the_noun_with_the_whole(
    part: int, total: int, text: str
) -> None:
    assert part_of(part, total, IMAGES, HAVE) == text


def test_numbers_agree_with_their_nouns_and_long_lists_are_cut() -> None:
    assert [counted(n, *IMAGES) for n in (0, 1, 2)] == ["0 images", "1 image", "2 images"]
    assert some_of(["a", "b"], 2) == "a, b"
    assert some_of(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_names_are_shown_as_an_array_that_can_be_pasted_into_a_recipe() -> None:
    assert toml_array(["Paper", "Paper pack"]) == '["Paper", "Paper pack"]'
    assert toml_array([]) == "[]"


def test_differences_are_said_in_words() -> None:
    assert name_differences("abc", "abc") == []
    assert name_differences("abc", "acd") == ["lacks b", "also has d"]
    assert name_differences("abc", "bac") == ["has another order: b at 0, where a was"]
    assert name_differences("aab", "ab") == ["has 2 names instead of 3"]
    many = [str(number) for number in range(9)]
    assert name_differences(many, []) == ["lacks 0, 1, 2, 3, 4 and 4 more"]
