from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.layers import parse_assignment
from toolkit.recipe.load import LoadedRecipe, load_recipe
from toolkit.recipe.problems import RecipeError

BASE = """\
[model]
name = "unet"
encoder = "resnet18"

[loss]
name = "dice_ce"
dice_weight = 0.3

[[augment.train]]
name = "hflip"
p = 0.5

[train]
epochs = 3
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "base.toml").write_text(BASE)
    return Project(tmp_path)


def write(project: Project, text: str, name: str = "child") -> Path:
    path = project.recipes / f"{name}.toml"
    path.write_text(text)
    return path


def load(project: Project, text: str, **options: object) -> LoadedRecipe:
    return load_recipe(write(project, text), project=project, **options)  # type: ignore[arg-type]


def test_tables_merge_and_arrays_replace(project: Project) -> None:
    loaded = load(
        project,
        'extends = "base.toml"\n[train]\nbatch_size = 8\n[[augment.train]]\nname = "vflip"\n',
    )
    assert loaded.recipe.train.epochs == 3
    assert loaded.recipe.train.batch_size == 8
    assert [step.name for step in loaded.recipe.augment.train] == ["vflip"]
    assert loaded.recipe.augment.train[0].parameters == {}


def test_another_component_drops_the_parameters_of_the_old_one(project: Project) -> None:
    loaded = load(project, 'extends = "base.toml"\n[loss]\nname = "focal"\n')
    assert loaded.recipe.loss.parameters == {}
    kept = load(project, 'extends = "base.toml"\n[loss]\nname = "dice_ce"\nsmooth = 1.0\n')
    assert kept.recipe.loss.parameters == {"dice_weight": 0.3, "smooth": 1.0}


def test_every_value_knows_where_it_was_written(project: Project) -> None:
    loaded = load(
        project, 'extends = "base.toml"\n[train]\nepochs = 5\n', set_=["train.batch_size=4"]
    )
    assert str(loaded.origin(("train", "epochs"))) == "recipes/child.toml:3"
    assert str(loaded.origin(("model", "encoder"))) == "recipes/base.toml:3"
    assert str(loaded.origin(("train", "batch_size"))) == "--set train.batch_size=4"
    assert str(loaded.origin(("train", "ema"))) == "default"


def test_later_bases_win_over_earlier_ones(project: Project) -> None:
    write(project, "[train]\nepochs = 9\n", "longer")
    loaded = load(project, 'extends = ["base.toml", "longer.toml"]\n')
    assert loaded.recipe.train.epochs == 9


def test_all_mistakes_at_once_each_with_its_line(project: Project) -> None:
    text = (
        'extends = "base.toml"\n'
        "epochs = 3\n"
        "[train]\n"
        "epoch = 3\n"
        'batch_size = "8"\n'
        "patience = true\n"
        "ema = 1.5\n"
        "[[augment.train]]\n"
        "p = 0.5\n"
    )
    with pytest.raises(RecipeError) as caught:
        load(project, text)
    assert caught.value.exit_code == 2
    assert str(caught.value).splitlines() == [
        "recipes/child.toml has 6 mistakes",
        "  recipes/child.toml:2  epochs",
        "    unknown key. Did you mean train.epochs?",
        "  recipes/child.toml:4  train.epoch",
        "    unknown key. Did you mean train.epochs?",
        "  recipes/child.toml:5  train.batch_size",
        '    must be a valid integer, not "8". Write 8 without quotes',
        "  recipes/child.toml:6  train.patience",
        "    must be a valid integer, not true.",
        "  recipes/child.toml:7  train.ema",
        "    must be less than 1, not 1.5.",
        "  recipes/child.toml:8  augment.train.0.name",
        "    is required.",
    ]


def test_a_wrong_value_of_the_data_is_one_mistake(project: Project) -> None:
    """Defaults that follow other keys of their table are not made then, which is no mistake."""
    with pytest.raises(RecipeError) as caught:
        load(project, 'extends = "base.toml"\n[data]\nexif = "both"\n')
    assert str(caught.value).splitlines() == [
        "recipes/child.toml has 1 mistake",
        "  recipes/child.toml:3  data.exif",
        "    must be 'auto', 'apply' or 'ignore', not \"both\".",
    ]


def test_a_mistake_in_a_base_names_the_base(project: Project) -> None:
    write(project, BASE + "epoch = 1\n", "base")
    with pytest.raises(RecipeError, match=r"recipes/base\.toml:15  train\.epoch\n"):
        load(project, 'extends = "base.toml"\n')


def test_extends_in_a_circle_is_shown_as_a_path(project: Project) -> None:
    write(project, 'extends = "b.toml"\n', "a")
    write(project, 'extends = "a.toml"\n', "b")
    with pytest.raises(
        RecipeError,
        match=r"the recipes extend each other in a circle: "
        r"recipes/a.toml -> recipes/b.toml -> recipes/a.toml",
    ):
        load_recipe(project.recipes / "a.toml", project=project)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title = " + "1" * 5000, "not valid TOML"),
        ("seed = 0x" + "f" * 5000, "recipes/child.toml"),
        ("a = " + "[" * 5000, "recipes/child.toml"),
        ('extends = "' + "x" * 300 + '"', "there is no file xxx"),
        ('extends = "a\\u0000b"', "there is no file a"),
        ('extends = "."', "there is no file ."),
        (
            'extends = "bse.toml"',
            "there is no file bse.toml (relative to this file). Did you mean base.toml?",
        ),
        ("extends = 3", "must be a path or an array of paths"),
        ("a = [1,", "recipes/child.toml:1: not valid TOML"),
        ("a = 1\na = 2", "recipes/child.toml:2: not valid TOML"),
        ("[model]\nname = 'x'", "loss"),
    ],
)
def test_broken_files(project: Project, text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(project, text)
    assert expected in str(caught.value)


def test_bytes_that_are_no_text(project: Project) -> None:
    path = project.recipes / "child.toml"
    path.write_bytes(b"title = '\xff'")
    with pytest.raises(UsageError, match="not UTF-8"):
        load_recipe(path, project=project)


def test_a_byte_order_mark_is_no_mistake(project: Project) -> None:
    path = project.recipes / "child.toml"
    path.write_bytes(b"\xef\xbb\xbf" + b'extends = "base.toml"\ntitle = "x"\n')
    loaded = load_recipe(path, project=project)
    assert loaded.recipe.title == "x"
    assert loaded.origin(("title",)).line == 2


def test_a_folder_does_not_hide_the_recipe_of_its_name(project: Project) -> None:
    (project.root / "base").mkdir()
    assert load_recipe(Path("base"), project=project).path == project.recipes / "base.toml"
    with pytest.raises(UsageError, match="recipes is a folder"):
        load_recipe(project.recipes, project=project)


def test_an_array_appended_to_where_there_is_none(project: Project) -> None:
    loaded = load(
        project,
        'extends = "base.toml"\n[[augment.train]]\nname = "one_of"\n',
        set_=['augment.train.0.of+={name="hflip"}', "data.root=/mnt/data", "data.train=../a.json"],
    )
    assert loaded.recipe.augment.train[0].parameters == {"of": [{"name": "hflip"}]}
    assert (loaded.recipe.data.root, loaded.recipe.data.train) == ("/mnt/data", "../a.json")


texts = st.text(
    st.sampled_from([*"[]{}\"'=.,#\\\n\r\t -+_01aeinftx", "²", "\udc80", "\0"]), max_size=12
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(["train.epochs", "augment.train", "a", ""]) | texts, texts)
def test_any_override_is_parsed_or_refused(key: str, value: str) -> None:
    with suppress(UsageError):
        parse_assignment(f"{key}={value}")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(BASE)), st.integers(0, 20), texts)
def test_any_damage_to_a_recipe_is_a_message(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, text: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    damaged = BASE[:start] + text + BASE[start + length :]
    (folder / "r.toml").write_bytes(damaged.encode("utf-8", "surrogateescape"))
    with suppress(UsageError):
        load_recipe(folder / "r.toml", project=Project(folder))


def test_a_recipe_is_found_by_name_and_suggested(project: Project) -> None:
    assert load_recipe(Path("base"), project=project).name == "base"
    with pytest.raises(UsageError) as caught:
        load_recipe(Path("recipes/bse.toml"), project=project)
    assert caught.value.hint == "Did you mean recipes/base.toml?"


def test_set_parses_toml_appends_and_edits_elements(project: Project) -> None:
    loaded = load(
        project,
        'extends = "base.toml"\n',
        set_=[
            "model.encoder=timm/any.thing-b0",
            'augment.train+={name="vflip"}',
            "augment.train.0.p=0.9",
            'postprocess+={name="min_area", pixels=20}',
            "data.image_size=[64, 32]",
        ],
    )
    assert loaded.recipe.model.parameters == {"encoder": "timm/any.thing-b0"}
    assert [step.model_dump() for step in loaded.recipe.augment.train] == [
        {"name": "hflip", "p": 0.9},
        {"name": "vflip"},
    ]
    assert loaded.recipe.postprocess[0].parameters == {"pixels": 20}
    assert loaded.recipe.data.image_size == (64, 32)


def test_unset_restores_the_default(project: Project) -> None:
    assert (
        load(project, 'extends = "base.toml"\n', unset=["train.epochs"]).recipe.train.epochs == 20
    )
    with pytest.raises(UsageError) as caught:
        load(project, 'extends = "base.toml"\n', unset=["train.epoch"])
    assert caught.value.hint == "Did you mean train.epochs?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train.epochs", "write key=value"),
        ("=3", "write key=value"),
        ("train.epochs=3 4", "is not a TOML value"),
        ("title=two words", "Quote strings: --set 'title=\"two words\"'"),
        ("augment.train.7.p=1", "augment.train has 1 element; the first one is 0"),
        ("train+=3", "is not an array"),
        ("train.epochs.x+=1", "train.epochs.x is not an array"),
        ("model.name.x+=1", "model.name.x is not an array"),
        ("0.p=1", "0.p is not a key"),
        ("train..epochs=1", "train..epochs is not a key"),
        ("train.²=1", "unknown key"),
        ("title=" + "1" * 5000, "is not a TOML value"),
        ("title=" + "[" * 5000, "is not a TOML value"),
        ("title=\udcff", "not valid Unicode"),
        ("train.ema=nan", "finite number"),
        ("seed=99999999999999999999", "less than 9223372036854775808"),
        ("data.image_size=[100000, 64]", "less than or equal to 16384"),
    ],
)
def test_wrong_overrides(project: Project, text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(project, 'extends = "base.toml"\n', set_=[text])
    assert expected in f"{caught.value} {caught.value.hint}"


def test_an_injected_second_key_is_refused() -> None:
    with pytest.raises(UsageError):
        parse_assignment("a=1\nb=2")


def test_the_digest_is_of_values_not_of_files(project: Project) -> None:
    one = load(project, 'extends = "base.toml"\n')
    two = load_recipe(project.recipes / "base.toml", project=project)
    other = load(project, 'extends = "base.toml"\nseed = 1\n')
    assert one.digest == two.digest != other.digest


def test_the_name_of_a_format_stands_for_its_table(project: Project, registry: Registry) -> None:
    (project.recipes / "base.toml").write_text(
        'model.name = "unet"\nloss.name = "ce"\n[data]\nformat = "masks"\nclasses = ["a"]\n'
    )
    (project.recipes / "child.toml").write_text(
        'extends = "base.toml"\n[data.format]\nmasks = "m/{stem}.png"\n'
    )

    def format_of(name: str, *set_: str) -> object:
        path = project.recipes / f"{name}.toml"
        found = load_recipe(path, project=project, registry=registry, set_=set_).recipe.data.format
        return None if found is None else found.model_dump()

    assert format_of("base") == {"name": "masks"}
    masks = {"name": "masks", "masks": "m/{stem}.png"}
    assert format_of("child") == masks
    assert format_of("child", "data.format=masks") == masks
    assert format_of("child", "data.format=coco") == {"name": "coco"}
    with pytest.raises(RecipeError, match="no reader is called masques") as caught:
        format_of("base", "data.format=masques")
    assert "Did you mean masks?" in str(caught.value.problems[0])
    with pytest.raises(RecipeError, match=r"data\.format\.mask\b"):
        format_of("base", 'data.format={name="masks", mask="a"}')
    with pytest.raises(RecipeError, match=r"data\.format"):
        format_of("base", "data.format=3")
