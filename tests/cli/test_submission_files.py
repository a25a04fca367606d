from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.cli.main import run
from toolkit.report.thumbnails import class_colours

Capture = pytest.CaptureFixture[str]


def picture(path: Path) -> NDArray[np.uint8]:
    read = cv2.imread(str(path))
    assert read is not None
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


def holds(sheet: NDArray[np.uint8], colour: Any) -> bool:
    return bool((sheet == np.asarray(colour, np.uint8)).all(axis=2).any())


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
    assert out.splitlines()[1] == "1 of 5 images differ"
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
        (["-o", "a.jpg"], "-o a.jpg is no name of a PNG file"),
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


def test_merge_against_a_slow_vote(desk: Any, capsys: Capture) -> None:
    maps = [desk.noisy(seed, 0.5) for seed in (1, 2, 3)]
    files = [desk.submit(f"{n}.csv", each) for n, each in zip("abc", maps, strict=True)]
    assert run(["submission", "merge", *files, "-o", "submissions/out.csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "submissions/out.csv\n"
    assert captured.err == "5 rows of 3 files, checked\n"
    voted = {}
    for name in maps[0]:
        a, b, c = (each[name] for each in maps)
        voted[name] = np.where(b == c, b, a)
    expected = desk.write("expected.csv", voted)
    assert (desk.root / "submissions/out.csv").read_bytes() == (
        desk.root / expected
    ).read_bytes()  # fmt: skip

    side_car = desk.side_car("submissions/out.csv")
    assert [each["file"] for each in side_car["files"]] == files
    assert [each["digest"] for each in side_car["files"]] == [
        desk.side_car(file)["digest"] for file in files
    ]
    assert side_car["combine"] == {"name": "vote"}
    assert side_car["members"] == []
    assert run(["submission", "check", "submissions/out.csv"]) == 0


def test_merge_with_weights(desk: Any) -> None:
    maps = [desk.noisy(seed, 0.5) for seed in (1, 2, 3)]
    files = [desk.submit(f"{n}.csv", each) for n, each in zip("abc", maps, strict=True)]
    weights = "0.2,0.1,0.3"  # a tie of the first two with the last goes to the heaviest, the last
    assert run(["submission", "merge", *files, "-o", "out.csv", "--weights", weights]) == 0
    assert (desk.root / "out.csv").read_bytes() == (desk.root / files[2]).read_bytes()
    assert desk.side_car("out.csv")["combine"] == {"name": "vote", "weights": [0.2, 0.1, 0.3]}


def test_merge_takes_what_a_team_mate_sent(desk: Any) -> None:
    a = desk.submit("a.csv", desk.noisy(1))
    shuffled = desk.write("b.csv", dict(reversed(desk.noisy(2).items())))
    assert run(["submission", "merge", shuffled, a, "-o", "out.csv", "--weights", "1,3"]) == 0
    assert (desk.root / "out.csv").read_bytes() == (desk.root / a).read_bytes()


def test_merge_writes_nothing_over(desk: Any, capsys: Capture) -> None:
    a, b = desk.submit("a.csv", desk.noisy(1)), desk.submit("b.csv", desk.noisy(2))
    before = (desk.root / a).read_bytes()
    assert run(["submission", "merge", a, b, "-o", a, "--overwrite"]) == 2
    assert "is one of the files to merge" in capsys.readouterr().err
    assert (desk.root / a).read_bytes() == before
    assert run(["submission", "merge", a, b, "-o", "out.txt"]) == 2
    assert "Use out.csv." in capsys.readouterr().err
    assert not (desk.root / "out.txt").exists()
    (desk.root / "out.csv").write_text("precious")
    assert run(["submission", "merge", a, b, "-o", "out.csv"]) == 2
    assert "out.csv exists" in capsys.readouterr().err
    (desk.root / b).write_bytes(before[:-10])
    assert run(["submission", "merge", a, b, "-o", "out.csv", "--overwrite"]) == 2
    assert (desk.root / "out.csv").read_text() == "precious"
    (desk.root / b).write_bytes(before)
    assert run(["submission", "merge", a, b, "-o", "out.csv", "--overwrite"]) == 0
    assert (desk.root / "out.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["submissions/a.csv"], "one file is nothing to merge"),
        (["submissions/a.csv", "submissions/c.csv"], "submission file not found"),
        (["submissions/a.csv", "submissions/b.csv", "--weights", "1"], "1 weight for 2 files"),
        (["submissions/a.csv", "submissions/b.csv", "--weights", "0,0"], "one must be above 0"),
        (["submissions/a.csv", "submissions"], "submissions is a folder"),
    ],
)
def test_merge_with_wrong_arguments(
    desk: Any, capsys: Capture, arguments: list[str], message: str
) -> None:
    desk.submit("a.csv", desk.noisy(1))
    desk.submit("b.csv", desk.noisy(2))
    assert run(["submission", "merge", *arguments, "-o", "out.csv"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert not (desk.root / "out.csv").exists()


def test_merge_warns_of_classes_that_vanished(desk: Any, capsys: Capture) -> None:
    background = {name: np.zeros((32, 32), np.uint8) for name in desk.truth()}
    usual = [0.5, 0.5, *[0.0] * (len(desk.class_names) - 2)]
    a = desk.submit("a.csv", background, changes={"validation_shares": usual})
    b = desk.submit("b.csv", background)
    assert run(["submission", "merge", a, b, "-o", "out.csv"]) == 0
    assert f"1 class vanished: {desk.class_names[1]} 0 %" in capsys.readouterr().err
    assert desk.side_car("out.csv")["validation_shares"] == usual


def test_files_need_no_torch(desk: Any) -> None:
    a, b = desk.submit("a.csv", desk.noisy(1)), desk.submit("b.csv", desk.noisy(2))
    code = (
        "import sys; from toolkit.cli.main import run\n"
        f"code = run(['submission', 'diff', {a!r}, {b!r}, '--picture', 'd.png'])\n"
        f"code += run(['submission', 'merge', {a!r}, {b!r}, '-o', 'out.csv'])\n"
        f"code += run(['submission', 'record', {a!r}, '--public', '0.5'])\n"
        "code += run(['submission', 'list'])\n"
        "sys.exit('torch' in sys.modules or code)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_truth_may_be_annotations_a_recipe_or_a_file(
    desk: Any, capsys: Capture, tmp_path: Path
) -> None:
    labels = desk.noisy(1)
    a = desk.submit("a.csv", labels)
    truth = str(desk.demo / "test_truth.json")
    as_file = desk.submit("truth.csv", desk.truth())
    recipe = tmp_path / "recipes" / "own" / "known.toml"
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(
        f'[data]\nroot = "{desk.demo}"\ntruth = "test_truth.json"\n'
        '[model]\nname = "unet"\nencoder = "resnet18"\n[loss]\nname = "ce"\n'
    )
    scored, differences = [], []
    for named in (truth, as_file, "own/known"):
        assert run(["submission", "score", a, "--truth", named, "--json"]) == 0
        scored.append(json.loads(capsys.readouterr().out)["mean_iou"])
        assert run(["submission", "diff", named, a, "--json"]) == 0
        differences.append(json.loads(capsys.readouterr().out)["mean_iou"])
        assert run(["submission", "diff", a, named, "--json"]) == 0
        differences.append(json.loads(capsys.readouterr().out)["mean_iou"])
    assert 0.1 < scored[0] < 1
    assert scored == [scored[0]] * 3
    assert differences == pytest.approx([scored[0]] * 6)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("gone.json", "gone.json"),
        ("knwon", "knwon is no annotation file, no submission file and no recipe"),
        ("plain", "plain: data.truth is unset"),
    ],
)
def test_a_truth_that_is_none_is_told(
    desk: Any, capsys: Capture, tmp_path: Path, named: str, message: str
) -> None:
    a = desk.submit("a.csv", desk.truth())
    (tmp_path / "recipes").mkdir(exist_ok=True)
    (tmp_path / "recipes" / "plain.toml").write_text(
        '[model]\nname = "unet"\nencoder = "resnet18"\n[loss]\nname = "ce"\n'
    )
    for command in (["score", a, "--truth", named], ["diff", a, named]):
        assert run(["submission", *command]) == 2
        assert message in capsys.readouterr().err


def test_two_truths_are_nothing_to_compare(desk: Any, capsys: Capture) -> None:
    truth = str(desk.demo / "test_truth.json")
    assert run(["submission", "diff", truth, truth]) == 2
    assert "none of these is a submission file" in capsys.readouterr().err


def test_a_submission_of_a_project_is_refused_outside_of_it(
    desk: Any,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    a = desk.submit("a.csv", desk.noisy(1))
    (desk.root / "recipes").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path_factory.mktemp("outside"))
    assert run(["submission", "check", str(desk.root / a)]) == 2
    err = capsys.readouterr().err
    assert "the working folder lies in no project" in err
    monkeypatch.chdir(desk.root)
    assert run(["submission", "check", a]) == 0
