"""Recipes with stages, through the command as a user runs them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import pytest

from toolkit.cli.main import run
from toolkit.project import Project
from toolkit.pseudo.label_set import open_label_set
from toolkit.train.checkpoint import load_checkpoint

STUDENT = """
extends = "tiny.toml"
title = "A student"

[pseudo]
teachers = ["tiny"]
select = [{ name = "threshold", least = 0.05 }]
"""

SELF = """
extends = "tiny.toml"
title = "Teaches itself"

[pseudo]
rounds = 2
mix = "concat"
"""


@pytest.fixture
def staged(project: Project) -> Project:
    (project.recipes / "student.toml").write_text(STUDENT)
    (project.recipes / "self.toml").write_text(SELF)
    return project


def _runs(project: Project) -> set[str]:
    return {path.name for path in project.runs.iterdir()} if project.runs.is_dir() else set()


def _manifest(project: Project, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.runs / name / "manifest.json").read_text())
    return content


def _weights(project: Project, name: str) -> Any:
    return load_checkpoint(project.runs / name / "best.pt").model_state["layer.weight"]


def _plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str]]:
    capsys.readouterr()
    assert run(["recipe", "run", *arguments, "--plan", "--json"]) == 0
    return [(each["what"], each["state"]) for each in json.loads(capsys.readouterr().out)]


def test_a_teacher_that_is_a_recipe_is_trained_first(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _plan(capsys, "student") == [
        ("train tiny", "to do"),
        ("label 5 images by tiny", "to do"),
        ("train student", "to do"),
    ]
    assert run(["recipe", "run", "student", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)  # of the student alone
    assert result["run"].endswith("student-001")
    assert _runs(staged) == {"tiny-001", "student-001"}
    assert (staged.submissions / "student-001.csv").is_file()
    assert _plan(capsys, "student") == [
        ("train tiny", "finished"),
        ("label 5 images by tiny", "finished"),
        ("train student", "to do"),
    ]


def test_finished_stages_are_not_done_again(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    before = (staged.runs / "tiny-001" / "best.pt").stat().st_mtime_ns
    assert run(["recipe", "run", "student"]) == 0
    assert run(["recipe", "run", "student"]) == 0
    assert _runs(staged) == {"tiny-001", "student-001", "student-002"}
    assert (staged.runs / "tiny-001" / "best.pt").stat().st_mtime_ns == before
    assert (_weights(staged, "student-001") == _weights(staged, "student-002")).all()
    assert len([each for each in (staged.cache / "pseudo").iterdir() if each.is_dir()]) == 1


def test_what_decides_a_stage_makes_it_new(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "student"]) == 0
    # What comes after the training of the teacher decides nothing of it.
    tiny = staged.recipes / "tiny.toml"
    tiny.write_text(tiny.read_text().replace('title = "A tiny run"', 'title = "Another title"'))
    states = dict(_plan(capsys, "student"))
    assert states["train tiny"] == "finished"
    selection = ["--set", "pseudo.select=[]"]
    states = dict(_plan(capsys, "student", *selection))
    assert states["train tiny"] == "finished"
    assert states["label 5 images by tiny"] == "to do"
    tiny.write_text(tiny.read_text().replace("lr = 0.1", "lr = 0.2"))
    assert set(dict(_plan(capsys, "student")).values()) == {"to do"}


def test_the_lineage_is_in_manifest_and_checkpoint(staged: Project) -> None:
    assert run(["recipe", "run", "student"]) == 0
    (parent,) = _manifest(staged, "student-001")["parents"]
    assert parent["kind"] == "pseudo-labels"
    assert (parent["images"], parent["round"]) == (5, 1)
    assert parent["selection"] == [{"name": "threshold", "least": 0.05}]
    (teacher,) = parent["checkpoints"]
    assert (teacher["run"], teacher["checkpoint"]) == ("tiny-001", "runs/tiny-001/best.pt")
    lineage = load_checkpoint(staged.runs / "student-001" / "best.pt").lineage
    assert lineage["parents"] == [parent]
    assert _manifest(staged, "tiny-001")["parents"] == []


def test_a_recipe_that_teaches_itself_has_a_round_before_the_first(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "self"]) == 0
    assert _runs(staged) == {"self.round-0-001", "self.round-1-001", "self-001"}
    kinds = {
        name: [p["round"] for p in _manifest(staged, name)["parents"]] for name in _runs(staged)
    }
    assert kinds == {"self.round-0-001": [], "self.round-1-001": [1], "self-001": [2]}
    # The plain recipe is the same training as the round before the first.
    assert (_weights(staged, "self.round-0-001") != _weights(staged, "self-001")).any()
    assert run(["recipe", "run", "tiny"]) == 0
    assert (_weights(staged, "self.round-0-001") == _weights(staged, "tiny-001")).all()
    assert (
        _manifest(staged, "self.round-0-001")["training"]
        == (_manifest(staged, "tiny-001")["training"])
    )


def test_each_round_is_shown_to_a_reviewer(staged: Project) -> None:
    assert run(["recipe", "run", "self"]) == 0
    pages = list((staged.cache / "pseudo").glob("*.html"))
    assert len(pages) == 2
    assert all("self.round-" in page.read_text() for page in pages)


def test_pseudo_labels_change_what_is_trained(staged: Project) -> None:
    for mix in ("first", "concat", "ratio", "only"):
        assert run(["recipe", "run", "student", "--set", f"pseudo.mix={mix}"]) == 0
    weights = [_weights(staged, f"student-00{number}") for number in range(1, 5)]
    for place, one in enumerate(weights):
        assert all((one != other).any() for other in weights[:place])


def test_soft_labels_are_another_set(staged: Project) -> None:
    assert run(["recipe", "run", "student", "--set", "pseudo.soft=true"]) == 0
    (folder,) = [each for each in (staged.cache / "pseudo").iterdir() if each.is_dir()]
    assert open_label_set(folder).maps is not None


def test_a_team_mates_file_of_labels_stands_for_teachers(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "student"]) == 0
    (folder,) = [each for each in (staged.cache / "pseudo").iterdir() if each.is_dir()]
    assert run(["pseudo", "export", folder.name[:8], "-o", "labels.csv", "--recipe", "tiny"]) == 0
    assert "warning" in capsys.readouterr().err, "what is lost is told"
    (staged.recipes / "taught.toml").write_text(
        'extends = "tiny.toml"\n[pseudo]\nlabels = "labels.csv"\nrounds = 2\n'
    )
    assert run(["recipe", "run", "taught", "--json"]) == 0
    assert _runs(staged) == {"tiny-001", "student-001", "taught.round-1-001", "taught-001"}
    (parent,) = _manifest(staged, "taught.round-1-001")["parents"]
    assert (parent["teachers"], parent["checkpoints"]) == (["labels.csv"], [])
    # Another content of the file is another set.
    capsys.readouterr()
    lines = (staged.root / "labels.csv").read_text().splitlines(keepends=True)
    (staged.root / "labels.csv").write_text("".join(lines[:-1]))
    states = [state for _, state in _plan(capsys, "taught")]
    assert states == ["to do"] * 4


def test_a_training_starts_from_a_checkpoint_or_from_its_teacher(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    still = ["--set", "optimizer.lr=1e-30", "--set", "train.epochs=1"]
    assert run(["recipe", "run", "tiny"]) == 0
    assert run(["recipe", "run", "tiny", *still, "--set", "train.start=runs/tiny-001/best.pt"]) == 0
    assert (_weights(staged, "tiny-002") == _weights(staged, "tiny-001")).all()
    parents = _manifest(staged, "tiny-002")["parents"]
    assert [(each["kind"], each["run"]) for each in parents] == [("start", "tiny-001")]
    capsys.readouterr()
    assert run(["recipe", "run", "tiny", "--set", "train.start=tiny"]) == 2
    assert (
        "--set train.start=tiny  train.start\n    the recipes need each other in a circle"
        in capsys.readouterr().err
    )
    assert run(["recipe", "run", "student", *still, "--set", "train.start=teacher"]) == 0
    assert (_weights(staged, "student-001") == _weights(staged, "tiny-001")).all()


def test_a_start_of_another_network_is_told_by_the_check(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    start = 'start = "tiny-001"'
    (staged.recipes / "same.toml").write_text(f'extends = "tiny.toml"\n[train]\n{start}\n')
    assert run(["recipe", "check", "same"]) == 0
    (staged.recipes / "other.toml").write_text(
        f'extends = "same.toml"\n[model]\nname = "unet"\nencoder = "resnet18"\n[train]\n{start}\n'
    )
    capsys.readouterr()
    assert run(["recipe", "check", "other"]) == 2
    err = capsys.readouterr().err
    assert "recipes/other.toml:6  train.start\n" in err
    assert "the weights do not fit the model unet" in err


def test_members_join_the_submission(staged: Project) -> None:
    (staged.recipes / "other.toml").write_text('extends = "tiny.toml"\nseed = 4\n')
    assert run(["recipe", "run", "tiny", "--set", 'members=["other@hflip"]']) == 0
    assert _runs(staged) == {"tiny-001", "other-001"}
    side_car = json.loads((staged.submissions / "tiny-001.json").read_text())
    assert [(each["checkpoint"], each["views"]) for each in side_car["members"]] == [
        ("runs/tiny-001/best.pt", "none"),
        ("runs/other-001/best.pt", "hflip"),
    ]
    alone = json.loads((staged.submissions / "other-001.json").read_text())
    assert len(alone["members"]) == 1


def test_a_teacher_is_called_by_its_place_in_the_project(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    words = ["student", "--set", 'pseudo.teachers=["tiny-001@hflip"]']
    capsys.readouterr()
    assert run(["recipe", "run", *words, "--plan", "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)
    assert stages[0]["what"].endswith("images by runs/tiny-001/best.pt@hflip")
    assert run(["recipe", "run", *words]) == 0
    capsys.readouterr()
    assert run(["pseudo", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["teachers"] == ["runs/tiny-001/best.pt@hflip"]


def test_a_run_that_cannot_be_resumed_is_told_before_its_stages(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "student"]) == 0
    recipe = staged.recipes / "tiny.toml"
    recipe.write_text(re.sub("seed = .*", "seed = 9", recipe.read_text()))
    before = _runs(staged)
    assert run(["recipe", "run", "student", "--resume"]) == 2
    assert "student-001 cannot be resumed" in capsys.readouterr().err
    assert _runs(staged) == before


def test_labels_of_another_size_are_told_before_the_stages(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny", "--set", "submission.size=[9, 7]"]) == 0
    labels = 'pseudo.labels="submissions/tiny-001.csv"'
    start = ["--unset", "pseudo.teachers", "--set", labels, "--set", "train.start=tiny"]
    assert run(["recipe", "run", "student", *start, "--set", "seed=3"]) == 2
    err = capsys.readouterr().err
    assert "pseudo.labels is read as this recipe's submission, mask_string of" in err
    assert _runs(staged) == {"tiny-001"}


def test_a_member_may_be_trained_as_the_recipe_itself(staged: Project) -> None:
    for name, seed in (("twin", 42), ("other", 4)):
        (staged.recipes / f"{name}.toml").write_text(f'extends = "tiny.toml"\nseed = {seed}\n')
    members = 'members=["twin@hflip", "other"]'
    same_seed = ["--set", "seed=42"]
    assert run(["recipe", "run", "tiny", "--set", members, *same_seed]) == 0
    side_car = json.loads((staged.submissions / "tiny-001.json").read_text())
    assert [each["checkpoint"] for each in side_car["members"]] == [
        "runs/tiny-001/best.pt",
        "runs/twin-001/best.pt",
        "runs/other-001/best.pt",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('teachers = ["tinny"]', "there is no recipe tinny"),
        ('teachers = ["gone.pt"]', "there is no checkpoint gone.pt"),
        (
            'teachers = ["student"]',
            "the recipes need each other in a circle: recipes/student.toml -> recipes/student.toml",
        ),
        ('labels = "gone.csv"', "there is no file"),
        ('teachers = ["tiny@flip"]', "no view is called flip"),
    ],
)
def test_a_wrong_reference_is_told_with_its_line(
    staged: Project, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (staged.recipes / "student.toml").write_text(f'extends = "tiny.toml"\n[pseudo]\n{text}\n')
    assert run(["recipe", "run", "student"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "recipes/student.toml:3  pseudo." in err
    assert not _runs(staged)


def test_a_cut_stage_goes_on_where_it_was(
    staged: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["recipe", "run", "self"]) == 0
    whole = _weights(staged, "self-001")
    shutil.rmtree(staged.runs)
    monkeypatch.setenv("STOP_AFTER", "2")
    assert run(["recipe", "run", "self"]) == 130
    assert "to continue: trash recipe run recipes/self.toml --resume" in capsys.readouterr().err
    assert len(_runs(staged)) == 1
    monkeypatch.delenv("STOP_AFTER")
    assert run(["recipe", "run", "self", "--resume"]) == 0
    assert len(_runs(staged)) == 3
    (final,) = [name for name in _runs(staged) if ".round" not in name]
    assert (_weights(staged, final) == whole).all()


def test_validation_images_are_not_pseudo_labelled(
    staged: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "student", "--set", "pseudo.images=val.json"]) == 2
    err = capsys.readouterr().err
    assert "of those to be pseudo-labelled also validate: batch_" in err
    assert run(["recipe", "run", "student", "--set", "pseudo.images=train.json"]) == 2
    assert "of those to be pseudo-labelled are also trained on: batch_" in capsys.readouterr().err


def test_smoke_runs_every_stage_and_keeps_nothing(
    staged: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRASH_CACHE", str(staged.root / "moved"))
    assert run(["recipe", "run", "self", "--smoke"]) == 0
    err = capsys.readouterr().err
    assert "stage 5/5: train self" in err
    assert not _runs(staged)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('pseudo.select=[{name="file_list", file="gone.txt"}]', "gone.txt"),
        ('pseudo.select=[{name="threshold", per_class={Batery=0.5}}]', "Did you mean Battery?"),
        ('objects.classes=["Batery"]', "objects.classes: there is no class called Batery"),
        ('pseudo.ensemble={name="mean", weights=[0.5, 0.5]}', "1 member, but 2 weights"),
    ],
)
def test_what_would_fail_after_the_teacher_is_told_before_it(
    staged: Project, capsys: pytest.CaptureFixture[str], change: str, message: str
) -> None:
    mix = 'augment.train=[{name="object_mix"}]'
    assert run(["recipe", "run", "student", "--set", mix, "--set", change]) == 2
    assert message in capsys.readouterr().err
    assert not _runs(staged)


@pytest.mark.parametrize("kept", [0.3, 1.0])
def test_a_broken_photo_of_any_stage_is_told_before_the_first(
    staged: Project, demo_root: Path, capsys: pytest.CaptureFixture[str], kept: float
) -> None:
    """Cut off, or whole by its ends and damaged between them."""
    root = staged.root / "data"
    shutil.copytree(demo_root, root)
    photo = root / json.loads((root / "test.json").read_text())["images"][2]["file_name"]
    pixels = cv2.imread(str(photo))
    data = bytearray(cv2.imencode(".png", pixels)[1])
    data[60:400] = bytes(340)
    photo.write_bytes(data[: int(len(data) * kept)])
    assert run(["recipe", "run", "student", "--set", f'data.root="{root}"']) == 2
    err = capsys.readouterr().err
    assert "test.json: 1 of 5 images cannot be used" in err
    assert photo.name in err
    assert not _runs(staged)
