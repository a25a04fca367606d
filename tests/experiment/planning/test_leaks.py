"""What must never teach: validation images, teachers of other classes, banks from elsewhere."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from toolkit.cli.main import run
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.train.checkpoint import load_checkpoint, save_checkpoint

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


@pytest.mark.parametrize(
    ("key", "lines", "what"),
    [
        ("pseudo.teachers.0", '[pseudo]\nteachers = ["tiny"]\n', "teacher"),
        ("train.start", '[train]\nstart = "tiny.toml"\n', "start"),
        ("members.0", 'members = ["tiny"]\n', "member"),
    ],
)
def test_a_network_of_other_classes_is_refused_before_anything_is_run(
    mixing: Project, capsys: pytest.CaptureFixture[str], key: str, lines: str, what: str
) -> None:
    root = Path(load_recipe(Path("tiny"), project=mixing).recipe.data.root)
    names = [each["name"] for each in json.loads((root / "train.json").read_text())["categories"]]
    tables = [f"[data]\nclasses = {json.dumps(names[::-1])}\n", lines]
    if not lines.startswith("["):
        tables.reverse()
    (mixing.recipes / "student.toml").write_text('extends = "tiny.toml"\n' + "".join(tables))
    for command in ("check", "run"):
        assert run(["recipe", command, "student"]) == 2
        err = capsys.readouterr().err
        assert re.search(rf"recipes/student.toml:\d+  {key}\n", err)
        assert f"the {what} tiny has other classes" in err
        assert names[0] in err
    assert not mixing.runs.exists()


def place(project: Project, name: str, **splits: str) -> Path:
    """Copy the data to `data/NAME`; `train="val.json"` puts one file's content under another."""
    root = Path(load_recipe(Path("tiny"), project=project).recipe.data.root)
    folder = project.root / "data" / name
    shutil.copytree(root, folder)
    for split, source in splits.items():
        shutil.copy(root / source, folder / f"{split}.json")
    return folder


def write_recipe(project: Project, name: str, folder: Path, more: str = "") -> None:
    data = f'[data]\nroot = "{folder}"\n'
    (project.recipes / f"{name}.toml").write_text(f'extends = "tiny.toml"\n{data}{more}')


def rename_photos(folder: Path, form: str) -> None:
    """Give every photo another name, in the annotation files too."""
    for path in folder.glob("*.json"):
        content = json.loads(path.read_text())
        for image in content.get("images", ()):
            old = Path(image["file_name"])
            image["file_name"] = str(old.with_name(form.format(old.name)))
            if (folder / old).exists():
                (folder / old).rename(folder / image["file_name"])
        path.write_text(json.dumps(content))


def invert_photos(folder: Path) -> None:
    for path in folder.rglob("*.jpg"):
        cv2.imwrite(str(path.with_suffix(".png")), 255 - cv2.imread(str(path)))
        path.with_suffix(".png").rename(path)


SWAPPED = {"train": "val.json", "val": "train.json"}
TEACHER = '[pseudo]\nteachers = ["{}"]\n'


@pytest.mark.parametrize("form", ["{}", "copy_{}"])
def test_a_teacher_that_saw_the_photos_elsewhere_is_refused(
    project: Project, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place(project, "swapped", **SWAPPED)
    rename_photos(folder, form)
    write_recipe(project, "teacher", folder)
    write_recipe(project, "student", place(project, "own"), TEACHER.format("teacher"))
    assert run(["recipe", "check", "student"]) == 2
    err = capsys.readouterr().err
    assert "pseudo.teachers.0" in err
    assert "the teacher teacher was trained on 6 validation images:" in err
    write_recipe(
        project, "student", project.root / "data" / "own", '[train]\nstart = "teacher.toml"\n'
    )
    assert run(["recipe", "run", "student", "--plan"]) == 2
    err = capsys.readouterr().err
    assert "train.start" in err
    assert "the start teacher was trained on 6 validation images:" in err


def test_equal_names_of_other_photos_are_no_leak(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place(project, "others", **SWAPPED)
    invert_photos(folder)
    write_recipe(project, "teacher", folder)
    write_recipe(project, "student", place(project, "own"), TEACHER.format("teacher"))
    assert run(["recipe", "run", "student", "--plan"]) == 0
    err = capsys.readouterr().err
    assert "is trained on 6 images with the name of a validation image" in err


def test_a_checkpoint_tells_what_it_saw_where_its_data_are_not(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place(project, "swapped", **SWAPPED)
    write_recipe(project, "teacher", folder)
    assert run(["recipe", "run", "teacher"]) == 0
    shutil.rmtree(folder)
    write_recipe(
        project, "student", place(project, "own"), TEACHER.format("runs/teacher-001/best.pt")
    )
    capsys.readouterr()
    assert run(["recipe", "run", "student", "--plan"]) == 2
    assert "was trained on 6 validation images:" in capsys.readouterr().err
    # And so does the network that a leaking one has taught or begun.
    write_recipe(project, "own", place(project, "honest", val="test.json"))
    words = ["--set", "train.start=runs/teacher-001/best.pt"]
    for key in ("test", "truth", "sample_submission"):
        words += ["--unset", f"data.{key}"]
    assert run(["recipe", "run", "own", *words]) == 0
    write_recipe(
        project, "student", project.root / "data" / "own", TEACHER.format("runs/own-001/best.pt")
    )
    capsys.readouterr()
    assert run(["recipe", "run", "student", "--plan"]) == 2
    assert "runs/own-001/best.pt was trained on" in capsys.readouterr().err


def forget_photos(checkpoint: Path) -> None:
    """Make a checkpoint as an older version wrote it."""
    content = load_checkpoint(checkpoint)
    lineage = {key: value for key, value in content.lineage.items() if key != "photos"}
    data = {
        split: {key: value for key, value in noted.items() if key != "photos"}
        for split, noted in lineage["data"].items()
    }
    save_checkpoint(checkpoint, replace(content, lineage={**lineage, "data": data}))


def test_a_checkpoint_that_notes_no_photos_is_a_warning_without_its_data(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    checkpoint = project.runs / "tiny-001" / "best.pt"
    # The same images under another name of the file: the checkpoint's own is gone.
    folder = place(project, "moved")
    (folder / "train.json").rename(folder / "renamed.json")
    write_recipe(
        project, "student", folder, f'train = "renamed.json"\n{TEACHER.format(checkpoint)}'
    )
    capsys.readouterr()
    assert run(["recipe", "run", "student", "--plan"]) == 0
    assert "warning" not in capsys.readouterr().err, "it tells by itself"
    forget_photos(checkpoint)
    assert run(["recipe", "run", "student", "--plan"]) == 0
    assert "whether it has seen validation images is not known" in capsys.readouterr().err
    (folder / "renamed.json").rename(folder / "train.json")
    write_recipe(project, "student", folder, TEACHER.format(checkpoint))
    assert run(["recipe", "run", "student", "--plan"]) == 0
    assert "is not known" not in capsys.readouterr().err


def validation_of(capsys: pytest.CaptureFixture[str], *names: str) -> tuple[object, str]:
    checkpoints = [f"runs/{name}-001/best.pt" for name in names]
    capsys.readouterr()
    words = ["submit", "--ensemble", *checkpoints, "-o", "both.csv", "--overwrite", "--json"]
    assert run(words) == 0
    told = capsys.readouterr()
    return json.loads(told.out)["validation"], told.err


def test_members_are_scored_on_photos_that_none_was_trained_on(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recipe(project, "one", place(project, "one"))
    write_recipe(project, "swapped", place(project, "swapped", **SWAPPED))
    folder = place(project, "renamed")
    rename_photos(folder, "copy_{}")
    write_recipe(project, "renamed", folder)
    more = ["--set", "train.epochs=1", "--unset", "data.sample_submission"]
    for name in ("one", "swapped", "renamed"):
        assert run(["recipe", "run", name, *more]) == 0
    scored, err = validation_of(capsys, "one", "swapped")
    assert scored is None
    assert "no validation score" in err
    assert "runs/swapped-001/best.pt was trained on 6 of the 6 validation images" in err
    scored, err = validation_of(capsys, "one", "renamed")
    assert scored is not None
    assert "no validation score" not in err
    # An older version's checkpoint: told by its annotation files, or not at all.
    for name in ("one", "renamed"):
        forget_photos(project.runs / f"{name}-001" / "best.pt")
    scored, err = validation_of(capsys, "one", "renamed")
    assert scored is None
    assert "does not say on which photos" in err
    capsys.readouterr()
    assert run(["ensemble", "search", "runs/one-001", "runs/swapped-001"]) == 2
    assert "trained on other divisions" in capsys.readouterr().err


def test_a_split_file_that_was_made_anew_judges_nobody_by_its_own_training_images(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place(project, "folded")
    write_recipe(project, "folded", folder, '[data.folds]\nfile = "folds.json"\n')
    split = ["data", "split", str(folder / "train.json"), "--folds", "2", "-o", "folds.json"]
    for number, seed in enumerate(("0", "5"), start=1):
        assert run([*split, "--seed", seed, "--force"]) == 0
        assert run(["recipe", "run", "folded", "--set", "train.epochs=1"]) == 0
        assert (project.runs / f"folded-00{number}").is_dir()
    runs = ("runs/folded-001", "runs/folded-002")
    capsys.readouterr()
    assert run(["submit", "--ensemble", *(f"{each}/best.pt" for each in runs), "-o", "a.csv"]) == 0
    assert "no validation score: runs/folded-001/best.pt was trained on" in capsys.readouterr().err
    assert run(["ensemble", "search", *runs]) == 2
    assert "trained on other divisions" in capsys.readouterr().err
    assert run(["ensemble", "search", runs[0]]) == 2
    assert "images that are to score it" in capsys.readouterr().err
    assert run(["ensemble", "average", f"{runs[0]}/best.pt", "-o", "soup.pt"]) == 2
    assert "images that are to score it" in capsys.readouterr().err
