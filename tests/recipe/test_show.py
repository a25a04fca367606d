from __future__ import annotations

import tomllib
from pathlib import Path

from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.show import as_toml, origin_rows, resolved_values

BASE = '[model]\nname = "unet"\n[loss]\nname = "sum"\nterms = [{name = "ce"}, {name = "dice"}]\n'
CHILD = """\
extends = "base.toml"
[optimizer]
name = "adamw"
lr = 0.5
[[augment.train]]
name = "hflip"
"""


def test_what_is_shown_is_a_recipe_that_resolves_to_the_same(
    tmp_path: Path, registry: Registry
) -> None:
    project = Project(tmp_path)
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "child.toml").write_text(CHILD)
    loaded = load_recipe(tmp_path / "child.toml", project=project)
    values = resolved_values(loaded, registry)
    text = as_toml(values)
    assert tomllib.loads(text)["optimizer"]["weight_decay"] == 1e-6, "defaults are written out"
    again = tmp_path / "again.toml"
    again.write_text(text)
    reloaded = load_recipe(again, project=project)
    assert resolved_values(reloaded, registry) == values


def test_origins_of_written_values_and_defaults(
    tmp_path: Path, registry: Registry, monkeypatch: object
) -> None:
    project = Project(tmp_path)
    (tmp_path / "base.toml").write_text(BASE)
    (tmp_path / "child.toml").write_text(CHILD)
    loaded = load_recipe(tmp_path / "child.toml", project=project, set_=["train.epochs=7"])
    rows = {
        key: (value, origin)
        for key, value, origin in origin_rows(loaded, resolved_values(loaded, registry))
    }
    assert rows["optimizer.lr"][0] == "0.5"
    assert rows["optimizer.lr"][1].endswith("child.toml:4")
    assert rows["loss.terms.1.name"][0] == '"dice"'
    assert rows["loss.terms.1.name"][1].endswith("base.toml:5")
    assert rows["train.epochs"] == ("7", "--set train.epochs=7")
    assert rows["optimizer.weight_decay"] == ("1e-06", "default")
    assert rows["augment.train.0.p"] == ("0.5", "default")


def test_a_value_is_one_line_that_toml_reads_back(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "base.toml").write_text(BASE)
    texts = ['title="two  blanks\\nand a line"', "reference={a = 1}", "data.classes=['a  b', 'c']"]
    loaded = load_recipe(tmp_path / "base.toml", project=Project(tmp_path), set_=texts)
    values = resolved_values(loaded, registry)
    rows = {key: value for key, value, _ in origin_rows(loaded, values)}
    assert tomllib.loads(f"x = {rows['title']}")["x"] == "two  blanks\nand a line"
    assert rows["data.classes"] == '["a  b", "c"]'
    assert rows["data.image_size"] == "[512, 512]"
    assert rows["reference.a"] == "1"
    plain = load_recipe(tmp_path / "base.toml", project=Project(tmp_path))
    rows = {key: value for key, value, _ in origin_rows(plain, resolved_values(plain, registry))}
    assert rows["reference"] == "{}"
