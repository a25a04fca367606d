from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from toolkit.cli.main import run


def test_submission_of_two_checkpoints(
    two_checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(["submit", "--ensemble", "a.pt", "b.pt", "-o", "out.csv", "--weights", "0.4,0.6"]) == 0
    )
    captured = capsys.readouterr()
    assert captured.out == "out.csv\n"
    lines = captured.err.splitlines()
    table = lines[lines.index("member       mIoU           views") :]
    assert [line.split()[0] for line in table[1:4]] == ["a", "b", "submitted"]
    assert table[4] == "5 rows, checked"
    shares = [float(each) for each in re.findall(r"([0-9.]+)%", table[5])]
    assert table[5].startswith("pixels: ")
    assert shares == sorted(shares, reverse=True)
    assert min(shares) > 0
    side_car = json.loads((two_checkpoints / "out.json").read_text())
    error = side_car["validation"]["intervals"]["miou"]["error"]
    assert table[3].split()[2:] == ["±", f"{error:.4f}"]
    assert side_car["combine"] == {"name": "mean", "weights": [0.4, 0.6]}
    assert side_car["validation"]["mean_iou"] == pytest.approx(float(table[3].split()[1]), abs=1e-4)
    assert run(["submission", "check", "out.csv"]) == 0


def test_default_name_holds_time_and_members(
    two_checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["submit", "a.pt", "--no-validate"]) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.parent == two_checkpoints / "submissions"
    assert path.name.endswith("Z-a.csv")
    assert path.with_suffix(".json").is_file()


def test_options_reach_the_side_car(
    two_checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "submit",
        "--ensemble",
        "a.pt@none",
        "b.pt",
        "--views",
        "hflip",
        "--combine",
        "geometric",
        "--post",
        "smooth:sigma=2.0",
        "--post",
        "min_area:pixels=9",
        "--store",
        "u8",
        "--no-validate",
        "--json",
        "-o",
        "out.csv",
    ]
    assert run(arguments) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["path"] == "out.csv"
    assert printed["validation"] is None
    side_car = json.loads((two_checkpoints / "out.json").read_text())
    assert [each["views"] for each in side_car["members"]] == ["none", "hflip"]
    assert side_car["combine"]["name"] == "geometric"
    assert side_car["postprocess"] == [
        {"name": "smooth", "sigma": 2.0},
        {"name": "min_area", "pixels": 9, "per_class": {}},
    ]


def test_a_dense_crf_follows_the_photos(
    two_checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crf = "dense_crf:preset=deeplab,iterations=4,bilateral_rgb=13.0"
    for name, options in (("plain", []), ("crf", ["--post", crf]), ("again", ["--post", crf])):
        assert run(["submit", "a.pt", "--no-validate", "-o", f"{name}.csv", *options]) == 0
    capsys.readouterr()
    (step,) = json.loads((two_checkpoints / "crf.json").read_text())["postprocess"]
    assert step["name"] == "dense_crf"
    assert step["preset"] == "deeplab"
    assert (step["iterations"], step["bilateral_rgb"], step["tolerance"]) == (4, 13.0, 1e-4)
    plain, found, again = (
        (two_checkpoints / f"{name}.csv").read_text() for name in ("plain", "crf", "again")
    )
    assert found == again

    def borders(text: str) -> int:
        rows = [row.split(",")[1].split(" ") for row in text.splitlines()[1:]]
        return sum(left != right for row in rows for left, right in pairwise(row))

    assert borders(found) < borders(plain)


def test_recipe_and_data_root_replace_the_stored_ones(
    two_checkpoints: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (two_checkpoints / "recipes" / "other.toml").write_text(
        '[data]\nroot = "missing"\nval = "val.json"\ntest = "test.json"\n'
        '[model]\nname = "unet"\n[loss]\nname = "cross_entropy"\n'
        '[submission]\nname = "mask_string"\nsize = [8, 8]\n'
    )
    options = ["--recipe", "other", "--no-validate", "-o", "out.csv"]
    assert run(["submit", "a.pt", *options]) == 2
    assert "missing" in capsys.readouterr().err
    assert run(["submit", "a.pt", *options, "--data", str(demo_root)]) == 0
    row = (two_checkpoints / "out.csv").read_text().splitlines()[1]
    assert len(row.split(",")[1].split(" ")) == 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.pt", "b.pt"], "trash submit --ensemble a.pt b.pt"),
        (["gone.pt"], "gone.pt"),
        (["plugins/tiny_net.py"], "not a checkpoint"),
        (["a.pt", "--views", "hflop"], "Did you mean hflip?"),
        (["a.pt", "--combine", "meen"], "Did you mean mean?"),
        (["a.pt", "--post", "min_area:pixel=3"], "pixels"),
        (["a.pt", "--post", "min_area:pixels=3,x"], "is not KEY=VALUE"),
        (["a.pt", "--post", "dense_crf:preset=deeplap"], "'deeplab', 'deeplab-large' or"),
        (["a.pt", "--post", "dense_crf:iteration=3"], "iterations"),
        (["a.pt", "--post", "dense_crf:bilateral_xy=0"], "bilateral_xy"),
        (["a.pt", "--store", "u32"], "--store u32"),
        (["a.pt", "--weights", "half"], "not numbers"),
        (["a.pt", "--weights", "1,-1"], "weights"),
        (["a.pt", "--combine", "vote", "--weights", "1"], "weights"),
        (["a.pt", "--recipe", "nothing"], "nothing"),
        (["a.pt", "-o", "a.pt"], "files of the submission format end in .csv"),
        (["a.pt", "-o", "a.txt"], "Use a.csv."),
    ],
)
def test_mistakes_are_one_message_and_exit_2(
    two_checkpoints: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(["submit", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert not (two_checkpoints / "submissions").exists()
    assert not (two_checkpoints / ".trash" / "stores").exists()
