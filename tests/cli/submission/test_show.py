from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.cli.submission.pictures import holds, picture
from toolkit.cli.main import run
from toolkit.report.thumbnails import class_colours

Capture = pytest.CaptureFixture[str]


def test_show(desk: Any, capsys: Capture) -> None:
    maps = desk.truth()
    a = desk.submit("a.csv", maps)
    assert run(["submission", "show", a]) == 0
    assert capsys.readouterr().out == "submissions/a.png\n"
    everything = picture(desk.root / "submissions" / "a.png")
    name, labels = max(maps.items(), key=lambda item: int((item[1] > 0).sum()))
    assert run(["submission", "show", a, "--images", name, "-o", "one.png"]) == 0
    one = picture(desk.root / "one.png")
    assert one.shape[1] == everything.shape[1]
    colours = class_colours(len(desk.class_names))
    for label in range(1, len(colours)):
        assert holds(one[26:52], colours[label]) == bool((labels == label).any())


def test_show_lays_the_labels_where_they_are(desk: Any) -> None:
    maps = {name: np.zeros((32, 32), np.uint8) for name in desk.truth()}
    name = next(iter(maps))
    maps[name][:16, 16:] = 1
    a = desk.submit("a.csv", maps)
    assert run(["submission", "show", a, "--images", name, "-o", "one.png"]) == 0
    sheet = picture(desk.root / "one.png").astype(int)
    height, width = sheet.shape[:2]
    top = height - 8 - 712
    overlay = sheet[top : top + 712, width // 2 :][:, :712]
    red = overlay[..., 0] - overlay[..., 1] > 60
    assert red[20:330, 380:690].mean() > 0.99
    assert red[380:690].mean() < 0.01
    assert red[:, 20:330].mean() < 0.01


def test_show_chooses_images_over_the_whole_file(desk: Any) -> None:
    a = desk.submit("a.csv", desk.truth())
    names = list(desk.truth())
    assert run(["submission", "show", a, "--count", "2", "-o", "count.png"]) == 0
    assert run(["submission", "show", a, "--images", f"{names[0]},{names[2]}", "-o", "b.png"]) == 0
    assert (picture(desk.root / "count.png") == picture(desk.root / "b.png")).all()


def test_show_with_the_truth_says_how_much_is_right(desk: Any, capsys: Capture) -> None:
    a = desk.submit("a.csv", desk.noisy(1))
    truth = str(desk.demo / "test_truth.json")
    assert run(["submission", "show", a, "--count", "2", "--truth", truth]) == 0
    assert capsys.readouterr().out == "submissions/a.png\n"
    sheet = picture(desk.root / "submissions" / "a.png")
    width = sheet.shape[1] // 2
    tints = [np.round(colour * 0.75) for colour in class_colours(len(desk.class_names))[1:]]
    strips = np.array_split(sheet[52:].astype(int), 3)
    tinted = [
        sum(int((np.abs(strip - tint) <= 48).all(axis=2).sum()) for tint in tints)
        for strip in strips
    ]
    # Noise puts classes onto background.
    assert tinted[1] < tinted[2]
    assert sheet.shape[0] > 3 * (width - 16)


def test_show_writes_a_small_jpeg(desk: Any) -> None:
    a = desk.submit("a.csv", desk.truth())
    for name in ("a.jpg", "a.png"):
        assert run(["submission", "show", a, "-o", name]) == 0
    jpeg, png = desk.root / "a.jpg", desk.root / "a.png"
    assert picture(jpeg).shape == picture(png).shape
    assert jpeg.stat().st_size < png.stat().st_size
    assert jpeg.read_bytes().startswith(b"\xff\xd8\xff")


def test_show_with_a_truth_that_is_missing(desk: Any, capsys: Capture) -> None:
    a = desk.submit("a.csv", desk.truth())
    assert run(["submission", "show", a, "--truth", "nowhere.json"]) == 2
    assert "nowhere.json" in capsys.readouterr().err
    assert desk.files() == {"a.csv", "a.json"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "nothing.jpg"], "nothing.jpg is not an image of"),
        (["-o", "a.gif"], "-o a.gif is not the name of a PNG or JPEG file"),
        (["-o", "submissions"], "Write -o submissions/submission.png"),
        (["--data", "nowhere"], "annotation file not found"),
    ],
)
def test_show_with_wrong_arguments(
    desk: Any, capsys: Capture, arguments: list[str], message: str
) -> None:
    a = desk.submit("a.csv", desk.truth())
    assert run(["submission", "show", a, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert desk.files() == {"a.csv", "a.json"}
