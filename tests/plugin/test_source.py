from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.plugin.discovery import load_registry
from toolkit.plugin.registry import Entry, Registry
from toolkit.plugin.source import source_digest
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
