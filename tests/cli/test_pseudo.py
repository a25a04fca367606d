from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from toolkit.cli.main import run
from toolkit.data.contest import open_contest
from toolkit.data.masks import paint_mask
from toolkit.formats.mask_string import MaskString
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import load_registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.pseudo.exchange import make_label_set_from_file
from toolkit.pseudo.label_set import LabelSet
from toolkit.recipe.schema import Data, Pseudo, Recipe

SIZE = (32, 32)
KEYS = ("0123aaaa", "0456bbbb")


@pytest.fixture
def label_sets(tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch) -> list[LabelSet]:
    """Two sets of the demo contest's test images, made from a file that lacks one of them."""
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    names = tmp_path / "names.txt"
    recipe = Recipe(
        data=Data(root=str(demo_root), val="val.json", test="test.json", truth="test_truth.json"),
        model=ComponentSpec(name="unet"),
        loss=ComponentSpec(name="cross_entropy"),
        submission=ComponentSpec(name="mask_string", size=list(SIZE)),  # type: ignore[call-arg]
        pseudo=Pseudo(
            select=(ComponentSpec(name="file_list", file=str(names), mode="drop"),)  # type: ignore[call-arg]
        ),
    )
    contest = open_contest(recipe.data, Project(tmp_path), SilentProgress())
    truth, test = contest.truth, contest.test
    assert truth is not None
    assert test is not None
    names.write_text(test.file_names[3] + "\n")
    rows = [
        (record.file_name, paint_mask(record, truth.labels, "max-id", 255))
        for record in truth.images[1:]
    ]
    with (tmp_path / "truth.csv").open("wb") as file:
        MaskString(SIZE, ("image_id", "PredictionString"), 12).write(file, rows)
    assert recipe.pseudo is not None
    made = []
    for moment, key in enumerate(KEYS):
        made.append(
            make_label_set_from_file(
                tmp_path / "truth.csv", test, recipe.pseudo, recipe, load_registry(None),
                folder=tmp_path / ".trash" / "pseudo" / key, cache=tmp_path / ".trash",
                progress=SilentProgress(), origin={"teachers": [f"teacher {moment}"]},
            )
        )  # fmt: skip
        os.utime(made[-1].folder / "index.json", (moment, moment))
    return made


def test_list_names_the_sets_the_newest_first(
    label_sets: list[LabelSet], capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = label_sets[0].folder.with_name("broken")
    damaged.mkdir()
    (damaged / "index.json").write_text("{")
    shutil.copytree(label_sets[0].folder, label_sets[0].folder.with_name("half.partial"))
    assert run(["pseudo", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["key", "images", "teachers", "created"]
    assert lines[1].split()[:3] == ["broken", "-", "damaged"]
    assert lines[2].split() == ["0456bbbb", "3", "of", "5", "teacher", "1",
                                "1970-01-01T00:00:01+00:00"]  # fmt: skip
    assert lines[3].split()[0] == "0123aaaa"
    assert len(lines) == 4
    assert run(["pseudo", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["key"] for each in found] == ["broken", "0456bbbb", "0123aaaa"]
    assert "not valid JSON" in found[0]["problem"]
    assert (found[1]["selected"], found[1]["images"]) == (3, 5)
    assert found[1]["teachers"] == ["teacher 1"]


def test_list_without_sets_says_what_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["pseudo", "list"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "[pseudo]" in captured.err


def test_show_says_what_was_selected(
    label_sets: list[LabelSet], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pseudo", "show", "0123"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[:4] == [
        "0123aaaa: 3 of 5 images",
        "rejected by lack of a prediction: 1",
        "rejected by file_list: 1",
        "teachers: teacher 0",
    ]
    (background,) = [line for line in lines if line.startswith("Background")]
    assert int(background.split()[1]) == label_sets[0].index.predicted[0]
    assert "warning: 1 of 5 images have no row" in captured.err
    assert run(["pseudo", "show", str(label_sets[1].folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["selected"], found["images"]) == (3, 5)
    assert found["classes"]["Background"]["trusted"] == label_sets[0].index.trusted[0]
    assert found["origin"] == {"teachers": ["teacher 1"]}


def test_show_writes_a_page(
    label_sets: list[LabelSet], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pseudo", "show", "0123", "-o", "out/page.html"]) == 0
    assert capsys.readouterr().out.splitlines() == ["out/page.html"]
    assert (tmp_path / "out" / "page.html").read_text().count("<article ") == 5
    assert run(["pseudo", "show", "0123", "-o", "page.html", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["page"] == "page.html"


def test_photos_that_were_moved_are_found_with_an_option(
    label_sets: list[LabelSet], demo_root: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    index = label_sets[0].folder / "index.json"
    index.write_text(index.read_text().replace(str(demo_root), "/gone"))
    assert run(["pseudo", "show", "0123", "-o", "page.html"]) == 2
    captured = capsys.readouterr()
    assert "/gone" in captured.err
    assert "--images" in captured.err
    assert not (tmp_path / "page.html").exists()
    assert run(["pseudo", "show", "0123", "-o", "page.html", "--images", str(demo_root)]) == 0


def test_export_writes_a_file_that_can_be_read_again(
    label_sets: list[LabelSet], tmp_path: Path, demo_root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "recipes" / "small.toml").write_text(
        f'[data]\nroot = "{demo_root.as_posix()}"\n[model]\nname = "unet"\n'
        '[loss]\nname = "cross_entropy"\n[submission]\nname = "mask_string"\nsize = [64, 64]\n'
    )
    command = ["pseudo", "export", "0123", "-o", "a.csv"]
    assert run([*command, "--recipe", "small"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["a.csv"]
    assert "warning: the file holds no confidences" in captured.err
    assert "warning: 2 rejected images have no row" in captured.err
    rows = dict(MaskString((64, 64), ("image_id", "PredictionString"), 12).read(Path("a.csv")))
    assert tuple(rows) == label_sets[0].file_names
    for position, name in enumerate(rows):
        np.testing.assert_array_equal(rows[name], label_sets[0].masks[position])

    before = (tmp_path / "a.csv").read_bytes()
    assert run(command) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "a.csv").read_bytes() == before
    assert run([*command, "--overwrite", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["file"], found["rows"]) == ("a.csv", 3)
    first = (tmp_path / "a.csv").read_text().splitlines()[1]
    assert len(first.split(",")[1].split(" ")) == 256 * 256


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "2 pseudo-label sets begin with 0: 0123aaaa, 0456bbbb"),
        ("0123aaab", "Did you mean 0123aaaa?"),
        ("", "there is no pseudo-label set"),
        ("recipes", "there is no pseudo-label set recipes"),
    ],
)
def test_a_set_that_cannot_be_found_is_told(
    label_sets: list[LabelSet], text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pseudo", "show", text]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", [["show", "0123"], ["export", "0123"]])
def test_a_folder_is_no_output(
    label_sets: list[LabelSet], command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pseudo", *command, "-o", "recipes"]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_damage_is_told_with_what_to_do(
    label_sets: list[LabelSet], capsys: pytest.CaptureFixture[str]
) -> None:
    labels = label_sets[0].folder / "labels.bin"
    labels.write_bytes(labels.read_bytes()[:-1])
    assert run(["pseudo", "show", "0123"]) == 1
    assert "Delete that folder" in capsys.readouterr().err
    shutil.rmtree(label_sets[0].folder)
    assert run(["pseudo", "show", "0123"]) == 2
