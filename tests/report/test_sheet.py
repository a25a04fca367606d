from __future__ import annotations

import numpy as np
import pytest

from toolkit.report.sheet import caption, coloured, grid, legend, line, stacked, tile_width

COLOURS = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)
NAMES = ("Background", "Paper", "Glass", "Metal")


def test_a_legend_names_what_is_there() -> None:
    (strip,) = legend({0, 2, 3, 255}, NAMES, COLOURS)
    for label, there in ((1, False), (2, True), (3, True)):
        assert bool((strip == COLOURS[label]).all(axis=2).any()) == there
    assert legend({0}, NAMES, COLOURS) == []


def test_a_long_legend_takes_several_lines() -> None:
    names = ("Background", *(f"a class of quite a long name {n}" for n in range(12)))
    colours = np.arange(13 * 3, dtype=np.uint8).reshape(13, 3)
    strips = legend(range(13), names, colours)
    assert len(strips) > 1
    whole = stacked(strips)
    for colour in colours[1:]:
        assert (whole == colour).all(axis=2).sum() == 16 * 16


def test_a_long_caption_keeps_to_its_tile() -> None:
    short, long = caption("a.jpg", 200), caption("batch_01/" * 20 + "a.jpg", 200)
    assert short.shape == long.shape == (26, 200, 3)
    assert (long < 128).sum() > (short < 128).sum()
    # The end of the name is there: what stands at the right edge differs from file to file.
    other = caption("batch_01/" * 20 + "b.jpg", 200)
    assert (long != other).any()


@pytest.mark.parametrize("columns", [1, 2, 4, 7])
def test_tiles_fill_the_width(columns: int) -> None:
    width = tile_width(columns)
    tiles = [np.full((height, width, 3), 7, np.uint8) for height in (10, 30, *[5] * columns)]
    sheet = stacked([line("title"), grid(tiles, columns)])
    assert (sheet == 7).all(axis=2).sum() == sum(len(tile) for tile in tiles) * width
    assert sheet.shape[1] == line("title").shape[1]
    assert sheet.shape[1] - (columns * (width + 8) + 8) < columns


def test_background_is_the_dark_photo_and_labels_are_their_colours() -> None:
    photo = np.full((2, 2, 3), 100, np.uint8)
    found = coloured(photo, np.array([[0, 1], [2, 255]], np.uint8), COLOURS)
    assert found[0, 0].tolist() == [50, 50, 50]
    assert found[0, 1].tolist() == [216, 25, 25]
    assert found[1, 0].tolist() == [25, 216, 25]
    assert found[1, 1].tolist() == [216, 216, 216]
