from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.submission.pictures import holds, picture
from toolkit.cli.main import run
from toolkit.report.thumbnails import class_colours

Capture = pytest.CaptureFixture[str]


def test_diff_against_slow_counts(desk: Any, capsys: Capture) -> None:
    first, second = desk.noisy(1), desk.noisy(2, 0.4)
    a, b = desk.submit("a.csv", first), desk.submit("b.csv", dict(reversed(second.items())))
    assert run(["submission", "diff", a, b, "--json", "--count", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    before = np.concatenate([first[name].ravel() for name in first])
    after = np.concatenate([second[name].ravel() for name in first])
    assert found["equal"] == pytest.approx(np.mean(before == after))
    names = desk.class_names
    for label, name in enumerate(names):
        both = ((before == label) & (after == label)).sum()
        either = ((before == label) | (after == label)).sum()
        assert found["iou"][name] == pytest.approx(both / either)
        for other in range(len(names)):
            pixels = int(((before == label) & (after == other)).sum())
            assert found["confusion"]["pixels"][label][other] == pixels
    flow = found["flows"][0]
    changes = found["confusion"]["pixels"]
    assert flow["pixels"] == changes[names.index(flow["before"])][names.index(flow["after"])]
    assert len(found["most_differing"]) == 2
    most = found["most_differing"][0]
    shares = {name: float((first[name] != second[name]).mean()) for name in first}
    assert most["share"] == pytest.approx(max(shares.values()))
    assert shares[most["image"]] == pytest.approx(most["share"])


@pytest.mark.parametrize("columns", [60, 100, 150])
def test_diff_as_tables(
    desk: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    first = desk.truth()
    second = {name: labels.copy() for name, labels in first.items()}
    name = next(name for name, labels in first.items() if (labels > 0).any())
    label = int(first[name].max())
    second[name][first[name] == label] = 0
    share = float((first[name] == label).mean())
    a, b = desk.submit("a.csv", first), desk.submit("b.csv", second)
    assert run(["submission", "diff", a, b]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    assert out.startswith(f"{1 - share / len(first):.2%} of the pixels are equal, mIoU ")
    assert out.splitlines()[1] == "1 of 5 images differs"
    changed = f"{desk.class_names[label]} Background {int(share * 1024)} 100.0%"
    assert changed in [" ".join(line.split()) for line in out.splitlines()]
    assert " ".join(out.splitlines()[-1].split()) == f"{name} {share:.2%}"

    assert run(["submission", "diff", a, a]) == 0
    assert "0 of 5 images differ" in capsys.readouterr().out


def test_diff_as_a_picture(desk: Any, capsys: Capture) -> None:
    first, second = desk.truth(), desk.noisy(3, 0.9)
    a, b = desk.submit("a.csv", first), desk.submit("b.csv", second)
    assert run(["submission", "diff", a, b, "--picture", "d.png", "--count", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "d.png"
    two = picture(desk.root / "d.png")
    assert run(["submission", "diff", a, b, "--picture", "d.png", "--count", "4"]) == 0
    assert len(picture(desk.root / "d.png")) > len(two)
    legend = class_colours(len(desk.class_names))
    assert all(holds(two[:80], colour) for colour in legend[1:])


def test_a_team_mates_file_is_read_as_its_neighbour_is(desk: Any, capsys: Capture) -> None:
    a, b = desk.submit("a.csv", desk.noisy(1)), desk.write("b.csv", desk.noisy(2))
    assert run(["submission", "diff", b, a]) == 0
    assert capsys.readouterr().err == ""
    c = desk.write("c.csv", desk.noisy(3))
    assert run(["submission", "diff", b, c]) == 2
    assert "no side-car beside any of the files" in capsys.readouterr().err
    test = ["--test", str(desk.demo / "test.json"), "--size", "32x32"]
    assert run(["submission", "diff", b, c, *test, "--picture", "d.png"]) == 0


def test_diff_without_the_photos(desk: Any, capsys: Capture, tmp_path: Path) -> None:
    a, b = desk.submit("a.csv", desk.noisy(1)), desk.submit("b.csv", desk.noisy(2))
    moved = tmp_path / "elsewhere"
    shutil.copytree(desk.demo, moved)
    lost = tmp_path / "lost"
    lost.mkdir()
    shutil.copy(desk.demo / "test.json", lost)
    desk.change(a, test="lost/test.json", image_root="lost")
    assert run(["submission", "diff", a, b]) == 0
    capsys.readouterr()
    assert run(["submission", "diff", a, b, "--picture", "d.png"]) == 2
    error = capsys.readouterr().err
    assert "the photo lost/" in error
    assert "--data" in error
    assert not (desk.root / "d.png").exists()
    desk.change(a, test="gone/sub/test.json", image_root="gone/sub")
    assert run(["submission", "diff", a, b, "--picture", "d.png", "--data", "elsewhere"]) == 0
    assert (desk.root / "d.png").exists()


def test_files_that_do_not_go_together(desk: Any, capsys: Capture) -> None:
    maps = desk.noisy(1)
    a = desk.submit("a.csv", maps)
    b = desk.submit("b.csv", maps, size=[16, 16])
    c = desk.submit("c.csv", maps)
    desk.change(c, class_names=[*desk.class_names[:-1], "Socks"])
    fewer = dict(list(maps.items())[1:])
    d = desk.write("d.csv", fewer)
    for command in (["diff"], ["merge", "-o", "out.csv"]):
        for other, message in (
            (b, "submissions/a.csv has maps of 32 × 32 pixels, submissions/b.csv of 16 × 16"),
            (c, "submissions/a.csv and submissions/c.csv have different classes"),
            (d, f"submissions/d.csv has no row of {next(iter(maps))}"),
        ):
            assert run(["submission", *command, a, other]) == 2
            captured = capsys.readouterr()
            assert message in captured.err
            assert captured.out == ""
    assert not (desk.root / "out.csv").exists()


def test_two_truths_are_nothing_to_compare(desk: Any, capsys: Capture) -> None:
    truth = str(desk.demo / "test_truth.json")
    assert run(["submission", "diff", truth, truth]) == 2
    assert "none of these is a submission file" in capsys.readouterr().err
