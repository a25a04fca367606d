"""Studies that something is wrong with: data that do not fit, strange names, outputs, disks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from toolkit.cli.main import run
from toolkit.project import Project

STUDY = """
[study]
base = "tiny.toml"
seeds = [1]

[shared]
train.epochs = 1

[variants.plain]

[variants.other]
optimizer.lr = 0.01
"""


@pytest.fixture
def study(project: Project) -> Project:
    (project.recipes / "rates.toml").write_text(STUDY)
    return project


def _cut(path: Path, table: str, count: int) -> None:
    """Keep the first images or categories of a COCO file alone, with their annotations."""
    content = json.loads(path.read_text())
    content[table] = content[table][:count]
    ids = {each["id"] for each in content[table]}
    key = {"images": "image_id", "categories": "category_id"}[table]
    content["annotations"] = [each for each in content["annotations"] if each[key] in ids]
    path.write_text(json.dumps(content))


def _other_data(project: Project, demo_root: Path) -> Path:
    return Path(shutil.copytree(demo_root, project.root / "other"))


def _change(study: Project, old: str, new: str) -> None:
    (study.recipes / "rates.toml").write_text(STUDY.replace(old, new))


def test_variants_of_other_classes_are_refused_before_any_training(
    study: Project, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _other_data(study, demo_root)
    for file in ("train", "val", "test", "test_truth"):
        _cut(other / f"{file}.json", "categories", 5)
    _change(study, "optimizer.lr = 0.01", 'data.root = "other"')
    assert run(["study", "run", "rates"]) == 2
    told = capsys.readouterr().err
    assert "other has other classes than plain: 6, not 12" in told
    assert not study.runs.exists()
    for name in ("plain", "other"):
        assert run(["recipe", "run", f"rates#{name}", "--set", "seed=1"]) == 0
    capsys.readouterr()
    assert run(["study", "show", "rates"]) == 2
    assert "other has other classes than plain: 6, not 12" in capsys.readouterr().err


def test_wrong_data_of_a_later_variant_are_told_before_any_training(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    _change(study, "optimizer.lr = 0.01", 'data.val = "train.json"')
    assert run(["study", "run", "rates"]) == 2
    assert "are in both train and val" in capsys.readouterr().err
    assert not study.runs.exists()


def test_scores_of_other_images_are_warned_of(
    study: Project, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _other_data(study, demo_root)
    _cut(other / "val.json", "images", 2)
    _change(study, "optimizer.lr = 0.01", 'data.root = "other"')
    warning = "warning: scores of other and plain are of different images"
    assert run(["study", "run", "rates"]) == 0
    assert warning not in capsys.readouterr().err  # the test split decides, which is the same
    content = (study.recipes / "tiny.toml").read_text().replace('truth = "test_truth.json"\n', "")
    (study.recipes / "tiny.toml").write_text(content)
    assert run(["study", "run", "rates"]) == 0
    assert warning in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("rates", ("[variants.other]", f"[variants.{'x' * 101}]"), "at most 100 bytes"),
        ("rates", ("[variants.other]", f'[variants."{"가" * 34}"]'), "at most 100 bytes"),
        ("rates", ("optimizer.lr", "seed = 4\noptimizer.lr"), "rates.toml:12  variants.other.seed"),
        ("rates", ("train.epochs = 1", "seed = 4"), "rates.toml:7  shared.seed"),
    ],
)
def test_variants_that_cannot_be_run(
    study: Project,
    capsys: pytest.CaptureFixture[str],
    name: str,
    changes: tuple[str, str],
    message: str,
) -> None:
    _change(study, *changes)
    assert run(["study", "run", name]) == 2
    assert message in capsys.readouterr().err
    assert not study.runs.exists()


@pytest.mark.parametrize("command", [["study", "run", "rates"], ["recipe", "compare", "tiny"]])
def test_one_seed_for_all_is_not_set_by_a_key(
    study: Project, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert run([*command, "--set", "seed=9"]) == 2
    assert "--set seed=9 changes nothing" in capsys.readouterr().err
    assert not study.runs.exists()


def test_a_study_whose_name_has_the_sign_of_a_variant(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (study.recipes / "rates.toml").rename(study.recipes / "a#b c.toml")
    assert run(["study", "run", "a#b c"]) == 0
    page = (study.root / "reports" / "study-a#b c.html").read_text()
    assert 'href="../runs/a%23b%20c-plain-001/report.html"' in page
    assert run(["recipe", "show", "a#b c#other"]) == 0
    capsys.readouterr()
    assert run(["recipe", "show", "tin#other"]) == 2
    assert "Did you mean recipes/tiny.toml?" in capsys.readouterr().err


def test_studies_of_one_name_in_two_folders_do_not_overwrite_each_other(
    study: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("a", "b"):
        (study.recipes / folder).mkdir()
        content = STUDY.replace('"tiny.toml"', '"../tiny.toml"')
        (study.recipes / folder / "rates.toml").write_text(content)
        assert run(["study", "run", f"{folder}/rates"]) == 0
    assert run(["study", "run", "recipes/rates.toml"]) == 0
    for name in ("a-rates", "b-rates", "rates"):
        assert (study.root / "reports" / f"study-{name}.html").is_file()
        assert (study.runs / f"{name}.study.json").is_file()
    capsys.readouterr()
    assert run(["study", "list", "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)
    assert [each["path"] for each in lines] == ["a/rates.toml", "b/rates.toml", "rates.toml"]
    assert all(each["author"] for each in lines)


@pytest.mark.parametrize("words", [["study", "run", "rates"], ["recipe", "compare", "tiny"]])
@pytest.mark.parametrize(
    ("output", "message"), [("recipes", "recipes is a folder"), ("o.csv", "o.csv is no page")]
)
def test_a_wrong_output_is_told_before_any_training(
    study: Project,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    output: str,
    message: str,
) -> None:
    assert run([*words, "--output", output]) == 2
    assert message in capsys.readouterr().err
    assert not study.runs.exists()


@pytest.mark.parametrize("broken", ["reports", "records", "runs/rates.study.json"])
def test_scores_are_printed_and_the_rest_written_where_the_disk_refuses_a_file(
    study: Project, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    assert run(["study", "run", "rates"]) == 0
    table = capsys.readouterr().out
    files = {
        "reports": study.root / "reports" / "study-rates.html",
        "records": study.records,
        "runs/rates.study.json": study.runs / "rates.study.json",
    }
    for name in ("reports", "records"):
        shutil.rmtree(study.root / name)
    files["runs/rates.study.json"].unlink()
    path = study.root / broken
    # A folder is where the file goes, or a file where the folder goes.
    path.mkdir() if path.suffix else path.write_text("")
    assert run(["study", "run", "rates"]) != 0
    told = capsys.readouterr()
    assert told.out == table
    assert broken in told.err
    for name, file in files.items():
        assert name == broken or file.exists(), name
