"""What must never teach: validation images, teachers of other classes, banks from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.cli.main import run
from toolkit.project import Project
from toolkit.recipe.load import load_recipe

OBJECTS = """
extends = "tiny.toml"

[objects]
by = "class"
min_area = 1

[augment]
train = [{ name = "object_mix", p = 1.0 }]
"""


@pytest.fixture
def mixing(project: Project) -> Project:
    (project.recipes / "mixing.toml").write_text(OBJECTS)
    return project


def test_a_run_cuts_its_objects_from_its_own_training_images(mixing: Project) -> None:
    assert run(["recipe", "run", "mixing"]) == 0
    (bank,) = [path for path in (mixing.cache / "objects").iterdir() if path.is_dir()]
    root = Path(load_recipe(Path("tiny"), project=mixing).recipe.data.root)
    train = {
        image["file_name"] for image in json.loads((root / "train.json").read_text())["images"]
    }
    index = json.loads((bank / "index.json").read_text())
    sources = {image["file_name"] for image in index["sources"]}
    assert sources
    assert sources <= train


def test_object_mix_changes_what_is_trained_and_is_resumed_exactly(
    mixing: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.train.checkpoint import load_checkpoint

    assert run(["recipe", "run", "tiny"]) == 0
    assert run(["recipe", "run", "mixing"]) == 0
    monkeypatch.setenv("STOP_AFTER", "1")
    assert run(["recipe", "run", "mixing"]) == 130
    monkeypatch.delenv("STOP_AFTER")
    assert run(["recipe", "run", "mixing", "--resume", "--set", "data.workers=2"]) == 0
    names = ("tiny-001", "mixing-001", "mixing-002")
    plain, whole, resumed = (
        load_checkpoint(mixing.runs / name / "last.pt").model_state["layer.weight"]
        for name in names
    )
    assert (plain != whole).any()
    assert (whole == resumed).all()


def test_a_bank_with_validation_images_is_refused(
    mixing: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    # A team mate cut it from the other split.
    (mixing.recipes / "swapped.toml").write_text(
        OBJECTS + '\n[data]\ntrain = "val.json"\nval = "train.json"\n'
    )
    assert run(["data", "objects", "cut", "swapped", "-o", "shared_bank"]) == 0
    capsys.readouterr()
    assert run(["recipe", "run", "mixing", "--set", "objects.bank=shared_bank"]) == 2
    err = capsys.readouterr().err
    assert "--set objects.bank=shared_bank  objects.bank" in err
    assert "validation" in err or "val" in err
    assert "batch_" in err, "the offenders are named"


def test_a_teacher_of_other_classes_is_refused_before_anything_is_run(
    mixing: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(load_recipe(Path("tiny"), project=mixing).recipe.data.root)
    names = [each["name"] for each in json.loads((root / "train.json").read_text())["categories"]]
    turned = json.dumps(names[::-1])
    (mixing.recipes / "student.toml").write_text(
        f'extends = "tiny.toml"\n[data]\nclasses = {turned}\n[pseudo]\nteachers = ["tiny"]\n'
    )
    assert run(["recipe", "run", "student"]) == 2
    err = capsys.readouterr().err
    assert "recipes/student.toml:5  pseudo.teachers.0" in err
    assert "the teacher tiny has other classes" in err
    assert names[0] in err
    assert not mixing.runs.exists()
    assert run(["recipe", "check", "student"]) == 2


def test_a_checkpoint_whose_data_are_not_here_is_a_warning(
    mixing: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    root = Path(load_recipe(Path("tiny"), project=mixing).recipe.data.root)
    tiny = mixing.recipes / "tiny.toml"
    assert run(["recipe", "run", "tiny", "--set", "data.train=train.json"]) == 0
    # The same images under another name of the file: the checkpoint's own is gone.
    (mixing.root / "moved").mkdir()
    for path in root.iterdir():
        (mixing.root / "moved" / path.name.replace("train.json", "renamed.json")).symlink_to(path)
    tiny.write_text(
        tiny.read_text().replace(str(root), str(mixing.root / "moved"))
        + '\n[pseudo]\nteachers = ["runs/tiny-001/best.pt"]\n'
    )
    tiny.write_text(tiny.read_text().replace("[data]\n", '[data]\ntrain = "renamed.json"\n'))
    capsys.readouterr()
    assert run(["recipe", "run", "tiny", "--plan"]) == 0
    assert "whether it has seen validation images cannot be told" in capsys.readouterr().err
