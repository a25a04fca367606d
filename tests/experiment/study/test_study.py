"""`trash study`: variants in one file; their table, CSV, summary, record and page."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest

from toolkit import frames
from toolkit.cli.main import run
from toolkit.errors import UsageError
from toolkit.project import Project

STUDY = """
[study]
title = "Optimizers"
base = "tiny.toml"
seeds = [1, 2]

[shared]
train.epochs = 1

[variants.plain]

[variants.slow]
title = "ten thousand times slower"
optimizer = { name = "sgd", lr = 1e-7 }
reference = { val_miou = 0.3 }
"""


@pytest.fixture
def study(project: Project) -> Project:
    (project.recipes / "rates.toml").write_text(STUDY)
    return project


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run([*words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_every_variant_runs_with_every_seed_of_the_study(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, "study", "run", "rates")
    names = ["rates-plain-001", "rates-slow-001", "rates-plain-002", "rates-slow-002"]
    assert {path.name for path in study.runs.iterdir() if path.is_dir()} == set(names)
    plain, slow = found["rows"]
    assert [o["run"] for o in slow["outcomes"]] == names[1::2]
    assert (plain["gain"], slow["reference"]) == (None, {"val_miou": 0.3})
    gains = [
        b["test"] - a["test"] for a, b in zip(plain["outcomes"], slow["outcomes"], strict=True)
    ]
    assert slow["gain"]["mean"] == pytest.approx(mean(gains))
    assert slow["gain"]["deviation"] == pytest.approx(stdev(gains))
    values = json.loads((study.runs / names[3] / "manifest.json").read_text())
    assert values["recipe"] == "recipes/rates.toml#slow"
    assert values["own"] == {
        "optimizer.name": "sgd",
        "optimizer.lr": 1e-7,
        "train.epochs": 1,
    }
    assert values["values"]["title"] == "ten thousand times slower"
    rows = list(csv.DictReader(Path(found["csv"]).read_text().splitlines()))
    assert [(row["variant"], row["seed"], row["run"]) for row in rows] == [
        ("plain", "1", names[0]),
        ("plain", "2", names[2]),
        ("slow", "1", names[1]),
        ("slow", "2", names[3]),
    ]
    assert float(rows[3]["test"]) == slow["outcomes"][1]["test"]
    page = Path(found["page"]).read_text()
    assert "ten thousand times slower" in page
    assert "../runs/rates-slow-002/report.html" in page


def test_a_study_is_found_again_and_leaves_one_record(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _json(capsys, "study", "run", "rates")
    records = [path.name for path in study.records.rglob("rates-*.json")]
    again = _json(capsys, "study", "run", "rates")
    shown = _json(capsys, "study", "show", "rates")
    assert first["rows"] == again["rows"] == shown["rows"]
    assert [path.name for path in study.records.rglob("rates-*.json")] == records
    of_study = [name for name in records if not name.startswith(("rates-plain", "rates-slow"))]
    assert len(of_study) == 1
    assert len(records) == 1 + 4 + 4  # with those of runs and of submissions
    capsys.readouterr()
    assert run(["study", "list", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["path"], line["variants"], line["seeds"]) == ("rates.toml", 2, 2)
    assert line["author"]


def test_a_study_as_a_table_of_pandas(study: Project, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="no study rates was run here"):
        frames.study("rates", study.root)
    found = _json(capsys, "study", "run", "rates")
    summary = study.runs / "rates.study.json"
    whole = summary.read_text()
    for damaged in ("[]", "{}", "nothing"):
        summary.write_text(damaged)
        with pytest.raises(UsageError, match="rates"):
            frames.study("rates", study.root)
    summary.write_text(whole)
    table = frames.study("rates", study.root)
    assert list(table["variant"]) == ["plain", "plain", "slow", "slow"]
    assert list(table["test"]) == [o["test"] for row in found["rows"] for o in row["outcomes"]]
    assert table.loc[3, "reference.val_miou"] == 0.3
    assert table.loc[0, "iou.Background"] == found["rows"][0]["outcomes"][0]["iou"][0]


def test_the_maps_of_a_study_do_not_fill_the_disk(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    kept = sorted(study.cache.glob("stores/*"))
    assert kept
    capsys.readouterr()
    _json(capsys, "study", "run", "rates", "--seeds", "1")
    assert sorted(study.cache.glob("stores/*")) == kept
    assert run(["report", "rates-slow-001"]) == 0


def test_only_some_variants_and_seeds(study: Project, capsys: pytest.CaptureFixture[str]) -> None:
    text = STUDY + "\n[variants.third]\noptimizer.lr = 1e-3\n"
    (study.recipes / "rates.toml").write_text(text)
    found = _json(capsys, "study", "run", "rates", "--only", "third", "--seeds", "4")
    assert [row["name"] for row in found["rows"]] == ["plain", "third"]
    assert [o["seed"] for row in found["rows"] for o in row["outcomes"]] == [4, 4]
    assert found["study"] == "rates-part"
    assert Path(found["page"]).name == "study-rates-part.html"
    assert run(["study", "run", "rates", "--plan", "--seeds", "4"]) == 0
    assert "2 of 3 runs are finished; to do: 1 training" in capsys.readouterr().err


def test_show_says_what_is_missing(study: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["study", "show", "rates"]) == 2
    assert "no run of plain is finished" in capsys.readouterr().err
    assert run(["study", "run", "rates", "--seeds", "1", "--only", "plain"]) == 0
    capsys.readouterr()
    found = _json(capsys, "study", "show", "rates")
    assert [row["name"] for row in found["rows"]] == ["plain"]
    assert "3 runs are still to be done" in Path(found["page"]).read_text()


def test_an_interrupted_variant_goes_on_after_its_last_epoch(
    study: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--set", "train.epochs=2", "--seeds", "1"]
    monkeypatch.setenv("STOP_AFTER", "1")
    assert run(["study", "run", "rates", *options]) == 130
    monkeypatch.delenv("STOP_AFTER")
    found = _json(capsys, "study", "run", "rates", *options)
    assert [o["run"] for row in found["rows"] for o in row["outcomes"]] == [
        "rates-plain-001",
        "rates-slow-001",
    ]


def test_a_variant_stands_for_a_recipe_everywhere(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "show", "rates#slow", "--origin"]) == 0
    shown = capsys.readouterr().out
    assert "recipes/rates.toml:14" in shown
    assert "recipes/rates.toml:8" in shown
    assert run(["recipe", "check", "rates.toml#slow"]) == 0
    assert run(["recipe", "run", "rates#slow"]) == 0
    assert (study.runs / "rates-slow-001" / "best.pt").is_file()
    capsys.readouterr()
    assert run(["recipe", "list", "--json"]) == 0
    names = [row["path"] for row in json.loads(capsys.readouterr().out)]
    assert names == ["recipes/tiny.toml"]


def test_variants_of_another_study_on_another_base(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (study.recipes / "sub").mkdir()
    (study.recipes / "sub" / "again.toml").write_text(
        '[study]\nbase = "../tiny.toml"\nvariants_from = "../rates.toml"\nseeds = [5]\n'
        "[variants.slow]\ntrain.epochs = 1\n[variants.more]\ntrain.epochs = 1\n"
        "[shared]\ntrain.epochs = 3\n"
    )
    assert run(["study", "run", "again", "--plan", "--json"]) == 0
    planned = json.loads(capsys.readouterr().out)
    assert [each["recipe"].rpartition("#")[2] for each in planned] == ["plain", "slow", "more"]
    assert run(["recipe", "show", "again#plain", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["train"]["epochs"], values["title"]) == (3, "again: plain")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seeds = [1, 2]", "seeds = [1, 1]"), "the same seed is named twice"),
        (("seeds = [1, 2]", "seedz = [1, 2]"), "Did you mean seeds?"),
        (('base = "tiny.toml"', 'base = "tny.toml"'), "Did you mean tiny.toml?"),
        (('base = "tiny.toml"', 'base = "rates.toml#plain"'), "is a variant: the base must be"),
        (("[variants.plain]", '[variants."a b"]'), "letters, digits"),
        (("train.epochs = 1", "train.epoch = 1"), "rates.toml:8  train.epoch"),
        (("optimizer = {", "optimiser = {"), "rates.toml:14  optimiser"),
    ],
)
def test_mistakes_are_told_with_their_lines(
    study: Project, capsys: pytest.CaptureFixture[str], change: tuple[str, str], message: str
) -> None:
    (study.recipes / "rates.toml").write_text(STUDY.replace(*change))
    assert run(["study", "run", "rates"]) == 2
    assert message in capsys.readouterr().err
    assert not study.runs.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["study", "run", "tiny"], "tiny.toml is no study: it has no table [study]"),
        (["study", "run", "rats"], "Did you mean recipes/rates.toml?"),
        (["recipe", "run", "rates"], "rates.toml is a study, not a recipe"),
        (["recipe", "run", "rates#slo"], "Did you mean slow?"),
        (["study", "run", "rates", "--only", "slo"], "Did you mean slow?"),
        (["recipe", "new", "mine", "--extends", "rates#slow"], "only files can be extended"),
    ],
)
def test_a_study_is_no_recipe_and_no_recipe_a_study(
    study: Project, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run(words) == 2
    assert message in capsys.readouterr().err


def test_a_study_is_one_card_of_the_board(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _json(capsys, "study", "run", "rates")
    assert run(["board", "list", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)
    assert (card["kind"], card["status"], card["recipe"]) == ("study", "done", "rates")
    assert card["title"] == "Optimizers (2 variants)"
    gain = found["rows"][1]["gain"]
    is_better = gain["mean"] > 0
    best = found["rows"][is_better]
    told = f" {gain['mean']:+.4f} ± {gain['deviation']:.4f}" if is_better else ""
    assert card["changes"] == [f"best: {best['name']}{told}"]
    assert card["validation"] == pytest.approx(best["validation"]["mean"])
    assert run(["board", "note", card["record"], "believed"]) == 0
    assert run(["board", "plan", "try it", "--recipe", "rates#slow"]) == 0
    assert run(["recipe", "run", "rates#slow"]) == 0
    capsys.readouterr()
    assert run(["board", "list", "--json"]) == 0
    cards = {each["kind"]: each for each in json.loads(capsys.readouterr().out)}
    assert cards["study"]["notes"][0]["text"] == "believed"
    assert (cards["idea"]["recipe"], cards["idea"]["status"]) == ("rates#slow", "done")
    assert run(["board"]) == 0
