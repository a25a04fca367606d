from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.plugin.discovery import load_registry
from toolkit.plugin.registry import Entry, Registry
from toolkit.plugin.source import source_digest, source_files
from toolkit.project import Project

MODEL = """\
from toolkit import Component, hookimpl
from ._shared import WIDTH


def make(context):
    return WIDTH


@hookimpl
def trash_models():
    return [Component("{name}", make, "A model for tests.")]
"""


def entry(root: Path, name: str) -> Entry:
    return load_registry(Project(root)).find("model", name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "plugins" / "pack").mkdir(parents=True)
    (tmp_path / "plugins" / "_shared.py").write_text("WIDTH = 1\n")
    (tmp_path / "plugins" / "mine.py").write_text(MODEL.format(name="mine"))
    pack = MODEL.format(name="packed").replace("._shared", ".._shared")
    (tmp_path / "plugins" / "pack" / "__init__.py").write_text(pack)
    (tmp_path / "plugins" / "pack" / "inner.py").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "mine", "packed"),
    [("mine.py", True, False), ("_shared.py", True, True), ("pack/inner.py", False, True)],
)
def test_the_digest_follows_every_file_behind_a_component(
    root: Path, changed: str, mine: bool, packed: bool
) -> None:
    before = [source_digest(entry(root, name)) for name in ("mine", "packed")]
    with (root / "plugins" / changed).open("a") as file:
        file.write("# another line\n")
    after = [source_digest(entry(root, name)) for name in ("mine", "packed")]
    assert [old != new for old, new in zip(before, after, strict=True)] == [mine, packed]


def test_built_ins_have_a_digest_of_their_own(registry: Registry) -> None:
    assert source_digest(registry.find("model", "unet")) == source_digest(
        registry.find("model", "pan")
    )
    assert source_digest(registry.find("model", "unet")) != source_digest(
        registry.find("loss", "ce")
    )


PARTS = {
    "_used.py": "from . import _deep\n",
    "_deep.py": "X = 1\n",
    "_alone.py": "X = 1\n",
    "other.py": "X = 1\n",
    "kit/__init__.py": "from .part import X\n",
    "kit/part.py": "X = 1\n",
}


@pytest.mark.parametrize(
    ("imports", "files"),
    [
        ("from ._used import _deep", {"_used.py", "_deep.py"}),
        ("from . import other", {"other.py"}),
        ("from toolkit.plugin.team import _alone", {"_alone.py"}),
        ("import toolkit.plugin.team.kit.part", {"__init__.py", "part.py"}),
        ("from .kit import X", {"__init__.py", "part.py"}),
        ("import torch, json", set()),
        (
            "import importlib\nmodule = importlib.import_module('._alone', __package__)",
            {"_used.py", "_deep.py", "_alone.py", "_shared.py"},
        ),
    ],
)
def test_only_what_is_imported_counts(root: Path, imports: str, files: set[str]) -> None:
    plugins = root / "plugins"
    (plugins / "kit").mkdir()
    for name, text in PARTS.items():
        (plugins / name).write_text(text)
    mine = plugins / "mine.py"
    own = MODEL.format(name="mine").replace("from ._shared import WIDTH", "WIDTH = 1")
    mine.write_text(f"{imports}\n{own}")
    found = {path.name for path in source_files(entry(root, "mine"))}
    assert found == {"mine.py", *files}


def test_a_factory_without_a_file_counts_with_the_plugin_that_offers_it(root: Path) -> None:
    text = MODEL.format(name="mine").replace('"mine", make,', '"mine", partial(make),')
    (root / "plugins" / "mine.py").write_text(f"from functools import partial\n{text}")
    found = {path.name for path in source_files(entry(root, "mine"))}
    assert found == {"mine.py", "_shared.py"}
