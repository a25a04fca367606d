"""What a stage is found again by: contents, not names; and only the code that takes part."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.tiny_project import workspace_of
from toolkit.cli.main import run
from toolkit.experiment.planning.keys import plugins_of, result_key, training_files
from toolkit.experiment.planning.plan import Plan
from toolkit.experiment.planning.planner import make_plan
from toolkit.plugin.discovery import load_registry
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema_keys import SCHEMA_KEYS
from toolkit.train.checkpoint import load_checkpoint

STUDENT = 'extends = "tiny.toml"\n[pseudo]\nteachers = ["tiny"]\n'

STAMP = """
from toolkit import Component, hookimpl
from ._shared import WIDTH


def stamp(context, *, backgrounds: str = "none"):
    return lambda sample, rng: sample


@hookimpl
def trash_augmentations():
    return [Component("stamp", stamp, "Pastes files.")]
"""

TRACKER = """
from toolkit import Component, hookimpl


def quiet(context, run_dir):
    raise NotImplementedError


@hookimpl
def trash_trackers():
    return [Component("quiet", quiet, "Writes nothing.")]
"""


@pytest.fixture
def own(project: Project) -> Project:
    """The project with data of its own, that a test may change, and more plugins."""
    recipe = project.recipes / "tiny.toml"
    root = load_recipe(Path("tiny"), project=project).recipe.data.root
    shutil.copytree(root, project.root / "data")
    recipe.write_text(recipe.read_text().replace(f'"{root}"', '"data"'))
    (project.recipes / "student.toml").write_text(STUDENT)
    (project.plugins / "_shared.py").write_text("WIDTH = 1\n")
    (project.plugins / "stamp.py").write_text(STAMP)
    (project.plugins / "tracker.py").write_text(TRACKER)
    return project


def plan(project: Project, name: str = "tiny", *set_: str) -> Plan:
    workspace = workspace_of(project)
    loaded = load_recipe(Path(name), project=project, registry=workspace.registry, set_=set_)
    return make_plan(workspace, loaded)


def keys(project: Project, name: str = "tiny", *set_: str) -> list[str]:
    made = plan(project, name, *set_)
    result = result_key(workspace_of(project), made.final)
    return [*(stage.key for stage in made.stages), result]


def invert(photo: Path) -> None:
    assert cv2.imwrite(str(photo), 255 - cv2.imread(str(photo)))


def photo_of(project: Project, split: str) -> Path:
    content = json.loads((project.root / "data" / f"{split}.json").read_text())
    return project.root / "data" / content["images"][0]["file_name"]


@pytest.mark.parametrize(
    ("split", "changed"),
    # The teacher, the labels, the student, the student's scores.
    [("train", "tlsr"), ("val", "tlsr"), ("test", "lsr")],
)
def test_changed_photos_change_the_stages_that_read_them(
    own: Project, split: str, changed: str
) -> None:
    before = keys(own, "student")
    invert(photo_of(own, split))
    after = keys(own, "student")
    differing = [name for name, a, b in zip("tlsr", before, after, strict=True) if a != b]
    assert "".join(differing) == changed


def test_where_the_data_lie_changes_nothing(own: Project, tmp_path: Path) -> None:
    before = keys(own, "student")
    (own.root / "data").rename(tmp_path / "moved")
    recipe = own.recipes / "tiny.toml"
    recipe.write_text(recipe.read_text().replace('"data"', json.dumps(str(tmp_path / "moved"))))
    assert keys(own, "student") == before


def test_files_and_folders_that_a_recipe_names_count_by_content(own: Project) -> None:
    step = 'augment.train=[{name="stamp", backgrounds="pictures/sky"}]'
    nothing = keys(own, "tiny", step)
    sky = own.root / "pictures" / "sky"
    sky.mkdir(parents=True)
    (sky / "a.png").write_bytes(b"a")
    one = keys(own, "tiny", step)
    (sky / "a.png").write_bytes(b"b")
    other = keys(own, "tiny", step)
    assert len({nothing[0], one[0], other[0]}) == 3
    assert keys(own, "tiny", 'augment.train=[{name="stamp", backgrounds="a/b"}]') != nothing


@pytest.mark.parametrize(
    "text", ["/", "..", "../", "~", "none", "", "data", "x" * 5000, "a\\u0000b"]
)
def test_texts_that_are_no_files_cost_nothing(own: Project, text: str) -> None:
    recipe = load_recipe(
        Path("tiny"),
        project=own,
        set_=[f'augment.train=[{{name="stamp", backgrounds="{text}"}}]'],
    ).recipe
    assert training_files(workspace_of(own), recipe) == {}


def test_an_object_bank_counts_by_content(own: Project) -> None:
    bank = own.root / "bank"
    bank.mkdir()
    (bank / "index.json").write_text("{}")
    before = keys(own, "tiny", "objects.bank=bank")
    assert keys(own, "tiny", "objects.bank=bank") == before
    (bank / "index.json").write_text("{ }")
    assert keys(own, "tiny", "objects.bank=bank") != before


def test_only_plugins_that_take_part_count(own: Project) -> None:
    before = keys(own, "student")
    (own.plugins / "new_idea.py").write_text("# nothing yet\n")
    (own.plugins / "_new_shared.py").write_text("# nothing yet\n")
    for name in ("stamp.py", "tracker.py", "_shared.py"):
        with (own.plugins / name).open("a") as file:
            file.write("# changed\n")
    assert keys(own, "student") == before
    assert keys(own, "student", 'trackers=[{name="quiet"}]') == before
    assert keys(own, "student", "leaderboard.per_day=3") == before
    recipe = load_recipe(Path("tiny"), project=own).recipe
    assert plugins_of(recipe, load_registry(own)).keys() == {"lab"}


def test_shared_code_counts_where_it_is_imported(own: Project) -> None:
    step = 'augment.train=[{name="stamp"}]'
    before = keys(own, "tiny", step)
    (own.plugins / "_shared.py").write_text("WIDTH = 2\n")
    assert keys(own, "tiny", step)[0] != before[0]


def test_how_it_is_submitted_changes_the_result_alone(own: Project) -> None:
    before = keys(own)
    for change in ("predict.views=hflip", "submission.size=[32, 32]", "postprocess=[]"):
        after = keys(own, "tiny", change)
        assert (after[0] == before[0], after[1] == before[1]) == (True, False), change
    for change in ("title=Another", "data.workers=1", "train.device=auto"):
        assert keys(own, "tiny", change) == before, change


OTHER_VALUES = {
    "predict.views": '"hflip"',
    "predict.store": '"u8"',
    "members": '["tiny"]',
    "member_postprocess": '[{name = "smooth"}]',
    "ensemble": '{name = "geometric"}',
    "postprocess": '[{name = "fill_holes"}]',
    "submission": "{size = [32, 32]}",
    "pseudo.ensemble": '{name = "geometric"}',
    "pseudo.postprocess": '[{name = "smooth"}]',
    "pseudo.select": '[{name = "threshold"}]',
    "pseudo.as_submitted": "true",
    "pseudo.soft": "true",
    "pseudo.rounds": "2",
}
BY_CONTENT = {"data.test", "data.truth", "data.sample_submission"}
"""Keys that name files: what these hold counts, or it orders rows alone."""


def test_a_key_changes_the_stage_that_the_schema_says(own: Project) -> None:
    """A new key that decides labels, maps or submissions has to count in the keys of these."""
    of_teacher, of_labels, of_training, of_result = keys(own, "student")
    marked = {
        ".".join(key.path): key.effect.on
        for key in SCHEMA_KEYS
        if not key.table
        and key.effect
        and key.effect.on in ("pseudo-labels", "prediction", "submission")
    }
    assert marked.keys() - BY_CONTENT == OTHER_VALUES.keys()
    for name, value in OTHER_VALUES.items():
        teacher, *_, labels, training, result = keys(own, "student", f"{name}={value}")
        assert teacher == of_teacher, name
        assert result != of_result, name
        is_later = marked[name] != "pseudo-labels"
        assert (labels == of_labels, training == of_training) == (is_later, is_later), name


def manifest(project: Project, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.runs / name / "manifest.json").read_text())
    return found


def test_a_resumed_run_stands_for_what_it_became(own: Project) -> None:
    one, three = (plan(own, "tiny", f"train.epochs={n}").final.key for n in (1, 3))
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    before = manifest(own, "tiny-001")
    assert before["training"] == one
    assert run(["recipe", "run", "tiny", "--resume", "--set", "train.epochs=3"]) == 0
    after = manifest(own, "tiny-001")
    assert after["training"] == three
    renewed = {name for name in after if after[name] != before.get(name)}
    assert {"recipe_digest", "result_key", "training"} <= renewed
    assert load_checkpoint(own.runs / "tiny-001" / "last.pt").lineage["training"] == three
    assert "epochs = 3" in (own.runs / "tiny-001" / "recipe.toml").read_text()


def test_a_refused_resume_leaves_a_run_as_it_was(
    own: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    files = ("manifest.json", "recipe.toml", "last.pt")
    before = [(own.runs / "tiny-001" / name).read_bytes() for name in files]
    longer = ["recipe", "run", "tiny", "--resume", "--set", "train.epochs=3"]

    photo = photo_of(own, "train")
    original = photo.read_bytes()
    invert(photo)
    capsys.readouterr()
    assert run(longer) == 2
    assert "photos of the training split: changed since" in capsys.readouterr().err
    photo.write_bytes(original)

    # Refused only when the network is made: it is another one now.
    plugin = own.plugins / "lab.py"
    text = plugin.read_text()
    plugin.write_text(text.replace("context.n_classes, 1)", "context.n_classes, 3, padding=1)"))
    load_registry(Project(own.root / "nowhere"))  # forgets what was imported
    assert run(longer) == 2
    plugin.write_text(text)
    load_registry(Project(own.root / "nowhere"))
    assert [(own.runs / "tiny-001" / name).read_bytes() for name in files] == before
    assert run(longer) == 0


def test_a_resume_that_is_cut_before_its_first_epoch_changes_no_finished_run(
    own: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    before = manifest(own, "tiny-001")
    monkeypatch.setenv("BREAK_RANK", "none")
    longer = ["recipe", "run", "tiny", "--resume", "--set", "train.epochs=3"]
    assert run(longer) == 1
    assert manifest(own, "tiny-001") == before
    monkeypatch.delenv("BREAK_RANK")
    monkeypatch.setenv("STOP_AFTER", "2")
    assert run(longer) == 130
    cut = manifest(own, "tiny-001")
    assert (cut["status"], cut["training"]) == ("interrupted", plan(own).final.key)


def test_runs_that_noted_fewer_digests_can_be_resumed(
    own: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    from toolkit.train.tensor_file import read_tensor_file, write_tensor_file

    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    state = own.runs / "tiny-001" / "state.pt"
    content = read_tensor_file(state, "state")
    content["inputs"] = {
        key: value for key, value in content["inputs"].items() if not key.startswith("photos of")
    }
    write_tensor_file(state, content)
    path = own.runs / "tiny-001" / "manifest.json"
    path.write_text(
        json.dumps({k: v for k, v in manifest(own, "tiny-001").items() if k != "result_key"})
    )
    capsys.readouterr()
    assert run(["recipe", "run", "tiny", "--resume", "--set", "train.epochs=2"]) == 0
    assert "whether they have changed is not known" in capsys.readouterr().err
