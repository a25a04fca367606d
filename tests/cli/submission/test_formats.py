"""Every format from checkpoint to score, and every kind of broken file, as a user meets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from toolkit.cli.main import run
from toolkit.plugin.discovery import load_registry
from toolkit.project import Project
from toolkit.train.checkpoint import Checkpoint, save_checkpoint

PLUGIN = """
from toolkit import Component, hookimpl

def tiny(context):
    from torch import nn
    return nn.Conv2d(3, context.n_classes, 3, padding=1)

@hookimpl
def trash_models():
    return [Component("tiny", tiny, "A single convolution.")]
"""
FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    "mask_string": (".csv", {}),
    "run_length": (".csv", {}),
    "run_length by name": (
        ".csv",
        {
            "columns": ["id", "class", "segmentation"],
            "cells": ["{image}", "{class}", "{pixels}"],
            "order": "row-major",
            "first_pixel": 0,
            "empty": "-",
        },
    ),
    "png_zip": (".zip", {"palette": True}),
    "npz": (".npz", {}),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for folder in ("recipes", "plugins"):
        (tmp_path / folder).mkdir()
    (tmp_path / "plugins" / "tiny_net.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    yield tmp_path
    load_registry(Project(tmp_path / "nowhere"))


def save(project: Path, data: dict[str, Any], submission: dict[str, Any]) -> None:
    root = Path(data["root"])
    names = sorted(
        (entry["id"], entry["name"])
        for entry in json.loads((root / "train.json").read_text())["categories"]
    )
    classes = ("Background", *(name for _, name in names))
    torch.manual_seed(0)
    save_checkpoint(
        project / "a.pt",
        Checkpoint(
            model_state=nn.Conv2d(3, len(classes), 3, padding=1).state_dict(),
            recipe={
                "data": {"val": "val.json", "test": "test.json"} | data,
                "model": {"name": "tiny"},
                "loss": {"name": "cross_entropy"},
                "submission": {"size": [32, 32]} | submission,
            },
            class_names=classes,
            image_size=(64, 64),
            mean=(0.4,) * 3,
            std=(0.2,) * 3,
            scores={},
            epoch=1,
        ),
    )


def test_every_format_says_the_same(
    project: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for name, (suffix, options) in FORMATS.items():
        file = f"{name.replace(' ', '_')}{suffix}"
        submission = {"name": name.split()[0]} | options
        save(project, {"root": str(demo_root), "truth": "test_truth.json"}, submission)
        assert run(["submit", "a.pt", "-o", file, "--json"]) == 0
        result = json.loads(capsys.readouterr().out)
        assert run(["submission", "check", file, "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert report["valid"]
        truth = str(demo_root / "test_truth.json")
        assert run(["submission", "score", file, "--truth", truth, "--json"]) == 0
        scored = json.loads(capsys.readouterr().out)
        assert scored["mean_iou"] == result["score"]["mean_iou"]
        found.append((report["n_rows"], report["class_shares"], scored["mean_iou"]))
    assert found == [found[0]] * len(FORMATS)
    assert len(set(found[0][1].values())) > 2
    assert "id,class,segmentation" in (project / "run_length_by_name.csv").read_text()


def test_run_lengths_follow_the_sample_submission(
    project: Path, demo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = json.loads((demo_root / "test.json").read_text())["images"]
    names = [image["file_name"] for image in images][::-1]
    sample = tmp_path / "sample.csv"
    rows = "".join(f"{name}_{label},1 1\n" for name in names for label in range(1, 12))
    sample.write_text("ImageId_ClassId,EncodedPixels\n" + rows)
    data = {"root": str(demo_root), "sample_submission": str(sample)}
    save(project, data, {"name": "run_length"})
    assert run(["submit", "a.pt", "-o", "out.csv", "--no-validate"]) == 0
    written = [line.split(",")[0] for line in (project / "out.csv").read_text().splitlines()]
    assert written == [line.split(",")[0] for line in sample.read_text().splitlines()]
    assert run(["submission", "check", "out.csv"]) == 0
    sample.write_text(sample.read_text().replace(names[0], "other.jpg"))
    capsys.readouterr()
    assert run(["submit", "a.pt", "-o", "more.csv", "--no-validate"]) == 2
    assert f"lacks {names[0]}" in capsys.readouterr().err


def test_a_wrong_option_of_a_format_is_told_before_anything_is_predicted(
    project: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(
        project, {"root": str(demo_root)}, {"name": "run_length", "cells": ["{image}", "{pixels}"]}
    )
    assert run(["submit", "a.pt", "-o", "out.csv"]) == 2
    assert "{label} or {class}" in capsys.readouterr().err
    assert not (Project(project).cache / "stores").exists()


IDS = ("a.jpg", "b.jpg", "c.jpg")
ZEROS = " ".join(["0"] * 65_536)


def lines(**changed: str) -> list[str]:
    rows = {"a": ZEROS, "b": ZEROS, "c": ZEROS} | changed
    return ["image_id,PredictionString", *(f"{name}.jpg,{text}" for name, text in rows.items())]


def text_of(rows: list[str], end: str = "\n") -> str:
    return "".join(row + end for row in rows)


BROKEN = {
    "missing row": (
        text_of([*lines()[:2], lines()[3]]),
        None,
        None,
        "1 of 3 images has no row: b.jpg; the first belongs before row 3",
    ),
    "65,535 numbers": (
        text_of(lines(b=ZEROS[2:])),
        3,
        65_535,
        "65,535 labels; expected 65,536 (256 × 256)",
    ),
    "NaN": (text_of(lines(b="0 " * 9 + "nan" + ZEROS[19:])), 3, 10, "'nan' is not a label"),
    "float": (text_of(lines(c="1.0" + ZEROS[1:])), 4, 1, "'1.0' is not a label"),
    "label 110 of 12 classes": (
        text_of(lines(c=ZEROS[:-1] + "110")),
        4,
        65_536,
        "label 110 is outside the 12 classes (0…11)",
    ),
    "Windows line ends": (text_of(lines(), "\r\n"), 1, None, "Windows line end"),
    "one Windows line end": (text_of(lines(b=ZEROS + "\r")), 3, None, "Windows line end"),
    "quote not closed": (text_of(lines(b='"' + ZEROS)), 3, None, "the quote at byte 7 of the row"),
    "quote inside": (
        text_of(lines(b='0 "0"' + ZEROS[5:])),
        3,
        None,
        "the quote at byte 9 of the row",
    ),
    "truncated last line": (
        text_of(lines())[:-1001],
        4,
        65_036,
        "65,036 labels; expected 65,536",
    ),
    "no last line end": (text_of(lines())[:-1], 4, None, "no line end after the last row"),
    "byte order mark": ("\ufeff" + text_of(lines()), 1, None, "byte order mark"),
    "empty file": ("", 1, None, "the file is empty; expected image_id,PredictionString"),
    "header only": (
        text_of(lines()[:1]),
        None,
        None,
        "3 of 3 images have no row: a.jpg, b.jpg, c.jpg",
    ),
    "no header": (text_of(lines()[1:]), 1, None, "the header is 'a.jpg,0 0 0"),
    "image twice": (text_of([*lines()[:3], lines()[2]]), 4, None, "the image is already in row 3"),
    "extra column": (
        text_of([*lines()[:3], lines()[3] + ",0"]),
        4,
        None,
        "field 3 is one too many",
    ),
    "index column": (
        text_of([f"{i}," + line for i, line in enumerate(lines())]),
        1,
        None,
        "the header is '0,image_id,PredictionString', expected 'image_id,PredictionString'",
    ),
    "semicolons": (
        text_of([lines()[0], *(line.replace(",", ";") for line in lines()[1:])]),
        2,
        None,
        "field 2 is missing: expected image_id,PredictionString",
    ),
    "empty line": (text_of([*lines(), ""]), 5, None, "empty line"),
    "another image": (
        text_of([*lines(), f"d.jpg,{ZEROS}"]),
        5,
        None,
        "not an image of the test set",
    ),
    "wrong order": (
        text_of([lines()[i] for i in (0, 2, 1, 3)]),
        2,
        None,
        "wrong order from here on: expected a.jpg",
    ),
}


@pytest.fixture(scope="module")
def test_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("images") / "test.json"
    images = [
        {"id": i, "file_name": name, "width": 512, "height": 512} for i, name in enumerate(IDS)
    ]
    categories = [{"id": i, "name": f"class {i}"} for i in range(1, 12)]
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": categories}))
    return path


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_mask_string_is_told_with_row_and_column(
    project: Path, test_json: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    text, row, column, message = BROKEN[case]
    Path("a.csv").write_text(text, encoding="utf-8", newline="")
    assert run(["submission", "check", "a.csv", "--test", str(test_json), "--json"]) == 2
    printed = json.loads(capsys.readouterr().out)
    problem = next(each for each in printed["problems"] if message in each["message"])
    assert (problem["row"], problem["column"]) == (row, column)
    assert Path("a.csv").read_bytes() == text.encode()


def test_quoted_fields_that_say_the_same_are_valid(project: Path, test_json: Path) -> None:
    rows = [",".join(f'"{field}"' for field in line.split(",")) for line in lines()]
    Path("a.csv").write_text(text_of(rows))
    assert run(["submission", "check", "a.csv", "--test", str(test_json)]) == 0
