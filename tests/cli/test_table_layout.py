from __future__ import annotations

import pytest

from toolkit.cli.table_layout import column_widths, row_lines, wrap

COLUMNS = ("submission", "members", "validation mIoU", "public")
ROWS = [
    ("unetpp_pseudo_lite-003", "unetpp_pseudo-003, hrnet_ocr-001", "0.7512 ± 0.0012", "0.7450"),
    ("b", "b", "0.7", "-"),
]
NUMERIC = (False, False, True, True)


def _table(width: int) -> list[str] | None:
    widths = column_widths(COLUMNS, ROWS, NUMERIC, width)
    if widths is None:
        return None
    return [line for row in (COLUMNS, *ROWS) for line in row_lines(row, widths, NUMERIC)]


def test_a_wide_table_is_a_line_per_row() -> None:
    assert _table(160) == [
        "submission              members                           validation mIoU  public",
        "unetpp_pseudo_lite-003  unetpp_pseudo-003, hrnet_ocr-001  0.7512 ± 0.0012  0.7450",
        "b                       b                                             0.7       -",
    ]


def test_a_narrow_table_is_broken_between_words() -> None:
    assert _table(70) == [
        "submission              members                validation mIoU  public",
        "unetpp_pseudo_lite-003  unetpp_pseudo-003,     0.7512 ± 0.0012  0.7450",
        "                        hrnet_ocr-001",
        "b                       b                                  0.7       -",
    ]


def test_a_narrower_one_at_the_joints_of_words_but_never_in_a_number() -> None:
    assert _table(44) == [
        "submission  members  validation mIoU  public",
        "unetpp_     unetpp_  0.7512 ± 0.0012  0.7450",
        "pseudo_     pseudo-",
        "lite-003    003,",
        "            hrnet_",
        "            ocr-001",
        "b           b                    0.7       -",
    ]


def test_long_headings_are_broken_before_what_stands_below_them() -> None:
    columns = ("mIoU", "mIoU on the images it was fitted to", "members")
    rows = [("0.5", "0.6", "unetpp_pseudo-003, hrnet_ocr-001")]
    widths = column_widths(columns, rows, (True, True, False), 60)
    assert widths == [4, 18, 32]
    assert row_lines(columns, widths, (True, True, False)) == [
        "mIoU  mIoU on the images  members",
        "        it was fitted to",
    ]
    assert column_widths(columns, rows, (True, True, False), 80) == [4, 35, 32]


def test_one_that_cannot_fit_has_no_widths() -> None:
    assert _table(30) is None


def test_a_table_without_rows_is_its_headings() -> None:
    assert column_widths(COLUMNS, [], NUMERIC, 80) == [10, 7, 15, 6]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("recipes/small/bags_unet.toml:12", 16, ["recipes/small/", "bags_unet.toml:", "12"]),
        ("  - an item of a list", 12, ["  - an item", "of a list"]),
        ("0123456789", 4, ["0123", "4567", "89"]),
        ("漢字漢字", 5, ["漢字", "漢字"]),
        ("", 4, [""]),
        ("a\nb", 4, ["a", "b"]),
    ],
)
def test_text_is_wrapped(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines
