"""Components that need a package which does not come with trash."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from toolkit import Component, ComponentSpec, Context
from toolkit.plugin.component import Package
from toolkit.plugin.registry import Entry, MissingPackage, Registry

FAR = ComponentSpec(name="far")


def registry_with(module: str) -> Registry:
    package = Package(module, "far>=2")
    component = Component("far", lambda context, run_dir: "made", "", package=package)
    return Registry([Entry("tracker", component, "test")])


@pytest.mark.parametrize("module", ["no_such_package", "broken_package", "folder_only"])
def test_a_missing_package_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "folder_only").mkdir()  # as a run of W&B may leave one: no package
    (tmp_path / "broken_package.py").write_text("import not_there_either\n")
    registry = registry_with(module)
    with pytest.raises(MissingPackage) as caught:
        registry.require_package("tracker", FAR)
    assert f"tracker far needs the package {module}, which " in caught.value.message
    assert 'pip install "far>=2"' in caught.value.hint
    broken = module == "broken_package"
    assert ("No module named 'not_there_either'" in caught.value.message) == broken
    with pytest.raises(MissingPackage):  # whoever builds it is told the same
        registry.build("tracker", FAR, Context(("a",)), tmp_path)
    sys.modules.pop("folder_only", None)


def test_a_package_that_is_there_is_no_matter(tmp_path: Path) -> None:
    registry = registry_with("json")
    registry.require_package("tracker", FAR)
    assert registry.build("tracker", FAR, Context(("a",)), tmp_path) == "made"
