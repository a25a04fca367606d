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
