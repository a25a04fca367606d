from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit import UsageError
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.registry import Registry
from toolkit.plugin.scaffold import valid_name, write_plugin
from toolkit.project import Project
from toolkit.testing import check_component

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a new plugin of every kind."""
    project = Project(tmp_path_factory.mktemp("team"))
    registry = load_registry(None)
    for kind in KINDS:
        write_plugin(f"new_{kind}", kind, project, registry)
    return project


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_keeps_its_contract_and_has_a_parameter_with_a_range(
    kind: str, project: Project
) -> None:
    registry = load_registry(project)
    assert registry.failures == ()
    entry = registry.find(kind, f"new_{kind}")
    assert entry.source == f"new_{kind}"
    check_component(kind, entry.name, registry)
    own = set(registry.parameters(entry).model_fields) - set(KINDS[kind].common)
    assert own or kind == "view"


def test_the_new_tests_pass(project: Project) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project.root)],
        capture_output=True,
        text=True,
        cwd=project.root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert f"{len(KINDS)} passed" in result.stdout


def test_new_plugins_import_no_torch(project: Project) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from toolkit.plugin.discovery import load_registry; "
        "from toolkit.project import Project; "
        f"registry = load_registry(Project(Path({str(project.root)!r}))); "
        "assert not registry.failures, registry.failures; "
        "print(sorted({'torch', 'albumentations', 'timm'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["q", "a_name_as_long_as_a_name_may_be_"[:31] + "x"])
def test_new_files_are_formatted_and_lint_clean(name: str, tmp_path: Path) -> None:
    pytest.importorskip("ruff")
    for kind in KINDS:
        write_plugin(name, kind, Project(tmp_path / kind), Registry([]))
    settings = ["--config", str(ROOT / "pyproject.toml")]
    commands = (
        ["format", "--check", *settings],
        ["check", *settings, "--config", f'src = ["{ROOT}"]'],
    )
    for command in commands:
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


def test_files_are_not_overwritten_unless_forced(tmp_path: Path, registry: Registry) -> None:
    project = Project(tmp_path)
    plugin, test = write_plugin("mine", "loss", project, registry).files
    plugin.write_text("# my work\n")
    with pytest.raises(UsageError, match=r"mine\.py exists already"):
        write_plugin("mine", "view", project, registry)
    assert plugin.read_text() == "# my work\n"
    plugin.unlink()
    with pytest.raises(UsageError, match=r"test_mine\.py exists already"):
        write_plugin("mine", "loss", project, registry)
    assert not plugin.exists()
    write_plugin("mine", "loss", project, registry, force=True)
    assert "trash_losses" in plugin.read_text()
    assert '"mine"' in test.read_text()


def test_a_forced_rewrite_is_no_clash_with_itself(tmp_path: Path) -> None:
    project = Project(tmp_path)
    write_plugin("mine", "loss", project, load_registry(project))
    write_plugin("mine", "loss", project, load_registry(project), force=True)


@pytest.mark.parametrize("name", ["dice_ce", "ce_dice"])
def test_names_that_are_taken_are_refused(name: str, tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(UsageError, match=rf"there is a loss called {name} already \(builtin\)"):
        write_plugin(name, "loss", Project(tmp_path), registry)
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_another_kind_is_free(tmp_path: Path, registry: Registry) -> None:
    write_plugin("dice_ce", "tracker", Project(tmp_path), registry)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Focal-Dice", "focal_dice"),
        ("FocalDice", "focal_dice"),
        ("my loss.py", "my_loss"),
        ("_private", "private"),
        ("3heads", "heads"),
        ("unet++", "unetpp"),
        ("lambda", "my_lambda"),
        ("builtin", "my_builtin"),
        ("../escape", "escape"),
        ("Über", "ber"),
    ],
)
def test_names_that_cannot_be_files_are_refused_with_the_nearest(
    name: str, near: str, tmp_path: Path, registry: Registry
) -> None:
    assert valid_name(near) == near
    with pytest.raises(UsageError) as raised:
        write_plugin(name, "loss", Project(tmp_path), registry)
    assert raised.value.hint == f"Did you mean {near}?"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "---", "x" * 33])
def test_hopeless_names_are_refused(name: str, tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(UsageError):
        write_plugin(name, "loss", Project(tmp_path), registry)


def test_an_unknown_kind_is_refused_with_the_nearest(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(UsageError) as raised:
        write_plugin("mine", "optimiser", Project(tmp_path), registry)
    assert raised.value.hint == "Did you mean optimizer?"
