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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "nothing.jpg"], "nothing.jpg is not an image of"),
        (["-o", "a.jpg"], "-o a.jpg is not the name of a PNG file"),
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
