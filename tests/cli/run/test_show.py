from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from tests.cli.run.conftest import outcome
from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]
SHOW = ["run", "show"]


def test_everything_is_told(wall: Any, capsys: Capture) -> None:
    name = wall.add(
        outcome=outcome(0.7, 0.65),
        own={"loss.name": "dice"},
        options=("--set", "seed=4"),
        inputs={"content of weights/a.pt": "1" * 32},
        parents=(
            {"kind": "start", "checkpoint": "runs/a-001/best.pt", "digest": "beef", "run": "a"},
            {"kind": "pseudo-labels", "key": "4f2a", "teachers": ["unet", "fpn@d4"]},
        ),
    )
    assert run([*SHOW, name]) == 0
    captured = capsys.readouterr()
    told = " ".join(captured.out.split())
    for text in (
        f"record {name}",
        "run runs/unet-001 on the machine of Ann Lee",
        "status finished",
        "started 2026-11-01 10:00",
        "epochs 3, the best is 2",
        "seconds 61.0 in all epochs",
        "validation mIoU 0.7000",
        "test mIoU 0.6500",
        "file recipes/small/unet.toml",
        "loss.name=dice seed=4",
        "training 0123456789abcdef",
        "train 12 images, annotations aaaaaaaa, photos pppppppp",
        "lab dddddddd",
        "content of weights/a.pt",
        "start runs/a-001/best.pt beef",
        "pseudo-labels unet, fpn@d4 4f2a",
        "commit c0ffee0123 + 1 changed",
        "changed plugins/lab.py",
        "torch 2.6",
        "machine Linux x86_64, cpu",
    ):
        assert text in told, text
    assert f"reproduce it: trash recipe run --from {name}" in captured.err


@pytest.mark.parametrize("columns", [40, 80])
def test_it_fits_the_terminal(
    wall: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    wall.add(outcome=outcome(0.7), error="it broke")
    assert run([*SHOW, "unet-001"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= columns


def test_a_run_is_named_in_many_ways(
    wall: Any, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = wall.add(outcome=outcome(0.7))
    file = name.partition("/")[2]
    folder = wall.root / "records" / "ann-lee"
    for text in (
        name,
        f"{name}.json",
        file,
        file[:-3],
        file.rpartition("-")[2],
        "unet-001",
        f"records/{name}.json",
        str(folder / f"{file}.json"),
    ):
        assert run([*SHOW, text, "--json"]) == 0, text
        assert json.loads(capsys.readouterr().out)["record"] == name
    monkeypatch.chdir(folder)
    assert run([*SHOW, f"{file}.json", "--json"]) == 0


def test_a_name_that_two_have_is_asked_back(wall: Any, capsys: Capture) -> None:
    names = [wall.add(), wall.add(author="Ben")]
    assert run([*SHOW, "unet-001"]) == 2
    told = capsys.readouterr().err
    assert "unet-001 may mean 2 records" in told
    assert all(name in told for name in names)


def test_ones_own_run_comes_first(project: Any, wall: Any, capsys: Capture) -> None:
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    wall.add(author="Ben", name="tiny-001", recipe="recipes/tiny.toml")
    capsys.readouterr()
    for text in ("tiny-001", "runs/tiny-001"):
        assert run([*SHOW, text, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["author"] == "Ann Lee"


def test_a_slip_names_the_nearest(wall: Any, capsys: Capture) -> None:
    wall.add()
    assert run([*SHOW, "unte-001"]) == 2
    told = capsys.readouterr().err
    assert "there is no record of a run unte-001" in told
    assert "Did you mean unet-001?" in told
    assert run([*SHOW, "ann-lee/uent"]) == 2
    assert "Did you mean ann-lee/unet?" in capsys.readouterr().err
    assert run([*SHOW, "zzz"]) == 2
    assert "List them: trash run list" in capsys.readouterr().err


def test_a_broken_record_that_is_named_is_told(wall: Any, capsys: Capture) -> None:
    name = wall.add()
    path = wall.root / "records" / f"{name}.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"seed": "three"}))
    assert run([*SHOW, str(path)]) == 2
    told = capsys.readouterr().err
    assert "broken record: run.seed" in told
    assert "git checkout -- FILE" in told


def test_a_run_of_before_there_were_records(project: Any, capsys: Capture) -> None:
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    manifest = project.runs / "tiny-001" / "manifest.json"
    values = json.loads(manifest.read_text())
    del values["record"]
    manifest.write_text(json.dumps(values))
    capsys.readouterr()
    assert run([*SHOW, "tiny-001"]) == 2
    assert "the run tiny-001 has no record" in capsys.readouterr().err


def test_a_broken_or_missing_record_of_ones_own_run(project: Any, capsys: Capture) -> None:
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    name = json.loads((project.runs / "tiny-001" / "manifest.json").read_text())["record"]
    path = project.records / f"{name}.json"
    path.write_text("{")
    assert run([*SHOW, "tiny-001"]) == 2
    assert "record is not valid JSON" in capsys.readouterr().err
    path.unlink()
    assert run([*SHOW, "tiny-001"]) == 2
    assert f"there is no record {name}" in capsys.readouterr().err


def test_the_recipe_of_a_run_is_a_recipe(project: Any, capsys: Capture) -> None:
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    capsys.readouterr()
    assert run([*SHOW, "tiny-001", "--recipe"]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text)["train"]["epochs"] == 1
    (project.recipes / "again.toml").write_text(text)
    assert run(["recipe", "run", "again", "--plan", "--json"]) == 0
    (stage,) = json.loads(capsys.readouterr().out)
    assert stage["finished_before"] == "tiny-001"
