from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from toolkit.data.coco import read_coco
from toolkit.experiment.planning.check import check_recipe
from toolkit.plugin.reader import AnnotationSet
from toolkit.plugin.registry import Registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.load import check_names, load_recipe
from toolkit.recipe.problems import RecipeError
from toolkit.workspace import Workspace

TEXT = """\
[data]
root = "{root}"
train = "train.json"
val = "val.json"
test = "test.json"
image_size = [64, 64]

[model]
name = "unet"
encoder = "resnet18"

[loss]
name = "dice_ce"

[predict]
views = "hflip"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    return Project(tmp_path)


def checked(
    project: Project, registry: Registry, path: Path, set_: Sequence[str] = ()
) -> list[str]:
    loaded = load_recipe(path, project=project, set_=set_)
    return check_recipe(Workspace(project, registry, SilentProgress()), loaded)


def problems(
    project: Project, registry: Registry, root: Path, *changes: tuple[str, str]
) -> list[str]:
    text = TEXT.format(root=root)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = project.recipes / "r.toml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        checked(project, registry, path)
    return [str(problem) for problem in caught.value.problems]


def test_a_right_recipe_passes(project: Project, registry: Registry, demo_root: Path) -> None:
    path = project.recipes / "r.toml"
    path.write_text(TEXT.format(root=demo_root))
    assert checked(project, registry, path) == []


def test_absent_data_is_a_warning_and_the_rest_is_still_checked(
    project: Project, registry: Registry
) -> None:
    path = project.recipes / "r.toml"
    path.write_text(TEXT.format(root="data/elsewhere"))
    warnings = checked(project, registry, path)
    assert warnings == [
        "data/elsewhere is not on this machine: data was not checked (--data DIR says where it is)"
    ]
    found = problems(project, registry, Path("data/elsewhere"), ("resnet18", "resnet81"))
    assert "there is no encoder called resnet81. Did you mean resnet18?" in found[0]


def test_names_and_parameters_of_all_components_at_once(
    project: Project, registry: Registry, demo_root: Path
) -> None:
    found = problems(
        project,
        registry,
        demo_root,
        ('"unet"', '"unett"'),
        ('"dice_ce"', '"dice_ce"\ndice_wieght = 0.5\nsmooth = "1"'),
        ('"hflip"', '"hflop*vflip"'),
    )
    assert found == [
        "  recipes/r.toml:9  model.name\n    no model is called unett. Did you mean unet?",
        "  recipes/r.toml:14  loss.dice_wieght\n    unknown key. Did you mean dice_weight?",
        "  recipes/r.toml:15  loss.smooth\n"
        '    must be a valid number, not "1". Write 1 without quotes',
        "  recipes/r.toml:18  predict.views\n    no view is called hflop. Did you mean hflip?",
    ]


def test_missing_files_are_all_named(project: Project, registry: Registry, demo_root: Path) -> None:
    found = problems(
        project, registry, demo_root, ('"val.json"', '"vale.json"'), ('"test.json"', '"tset.json"')
    )
    assert [line.split("\n")[0] for line in found] == [
        "  recipes/r.toml:4  data.val",
        "  recipes/r.toml:5  data.test",
    ]


def test_class_lists_that_do_not_match(
    project: Project, registry: Registry, demo_root: Path
) -> None:
    (found,) = problems(
        project, registry, demo_root, ("image_size", 'classes = ["Paper", "Glas"]\nimage_size')
    )
    assert "Glas" in found
    assert "Did you mean Glass?" in found


def test_a_recipe_without_validation_is_refused(
    project: Project, registry: Registry, demo_root: Path
) -> None:
    (found,) = problems(project, registry, demo_root, ('val = "val.json"\n', ""))
    assert "neither val nor folds is given" in found


def test_what_a_factory_refuses_is_found_without_training(
    project: Project, registry: Registry, demo_root: Path
) -> None:
    (found,) = problems(
        project, registry, demo_root, ('"dice_ce"', '"dice_ce"\nclass_weights = [1.0, 2.0]')
    )
    assert found.startswith("  recipes/r.toml:14  loss.class_weights\n    2 class weights for 12 ")


def test_a_probability_outside_its_range_gets_the_nearest_valid_one(
    project: Project, registry: Registry, demo_root: Path
) -> None:
    augment = (
        '[[augment.train]]\nname = "hflip"\np = 1.5\n\n[[augment.mix]]\nname = "mixup"\np = -1\n'
    )
    found = problems(project, registry, demo_root, ("[predict]", augment + "[predict]"))
    assert found == [
        "  recipes/r.toml:17  augment.train.0.p\n"
        "    must be less than or equal to 1, not 1.5. Nearest valid: 1",
        "  recipes/r.toml:21  augment.mix.0.p\n"
        "    must be greater than or equal to 0, not -1. Nearest valid: 0",
    ]


def test_an_auxiliary_that_the_network_does_not_have_is_refused(
    project: Project, registry: Registry, demo_root: Path
) -> None:
    table = "[auxiliary.presense]\nweight = 0.2\n\n[loss]"
    presence = ('"resnet18"', '"resnet18"\npresence = true')
    found = problems(project, registry, demo_root, presence, ("[loss]", table))
    assert found == [
        "  recipes/r.toml:13  auxiliary.presense\n    auxiliary.presense: model unet has no output"
        " called presense. Did you mean presence?"
    ]
    found = problems(project, registry, demo_root, ("[loss]", table.replace("weight", "wieght")))
    assert "Did you mean auxiliary.presense.weight?" in found[0]
    nested = '[auxiliary.aux.loss]\nname = "dice"\nsmoth = 2.0\n\n[loss]'
    (found_one,) = problems(project, registry, demo_root, ("[loss]", nested))
    assert "recipes/r.toml:14  auxiliary.aux.loss.smoth" in found_one
    assert "Did you mean smooth?" in found_one


def test_names_alone_are_checked_without_torch(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "r.toml").write_text(TEXT.format(root="x"))
    code = (
        "import sys; from toolkit.cli.main import run;"
        "code = run(['recipe', 'check', 'recipes/r.toml', '--names-only']);"
        "print(code, 'torch' in sys.modules, 'cv2' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["recipes/r.toml: ok", "0 False False"]


def test_check_names_raises_only_for_names(project: Project, registry: Registry) -> None:
    path = project.recipes / "r.toml"
    path.write_text(TEXT.format(root="nowhere"))
    check_names(load_recipe(path, project=project), registry)


def test_data_in_the_home_folder_is_found(
    project: Project, registry: Registry, demo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(demo_root.parent))
    path = project.recipes / "r.toml"
    path.write_text(TEXT.format(root=f"~/{demo_root.name}"))
    assert checked(project, registry, path) == []


def test_weights_that_want_another_normalisation_are_told(
    project: Project, registry: Registry, tmp_path: Path
) -> None:
    text = TEXT.format(root=tmp_path / "nowhere")
    lite0 = 'encoder = "tu-tf_efficientnet_lite0"\nweights = "efficientnet-lite0"'
    path = project.recipes / "r.toml"
    path.write_text(text.replace('encoder = "resnet18"', lite0))
    warnings = checked(project, registry, path)
    assert any("set data.mean = [0.5, 0.5, 0.5]" in warning for warning in warnings)
    halves = ["data.mean=[0.5,0.5,0.5]", "data.std=[0.5,0.5,0.5]"]
    told = checked(project, registry, path, halves)
    assert not any("data.mean" in each for each in told)


def test_the_data_are_opened_once(
    project: Project, registry: Registry, demo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def counted(path: Path, **settings: bool) -> AnnotationSet:
        read.append(path.name)
        return read_coco(path, **settings)

    monkeypatch.setattr("toolkit.data.coco_reader.read_coco", counted)
    path = project.recipes / "r.toml"
    path.write_text(TEXT.format(root=demo_root))
    assert checked(project, registry, path) == []
    assert sorted(read) == ["test.json", "train.json", "val.json"]
