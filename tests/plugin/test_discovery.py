from __future__ import annotations

import os
import pickle
import py_compile
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.project import Project

LOSS = """\
from toolkit import Component, Context, hookimpl


def make(context: Context, *, gamma: float = 2.0):
    return ("{name}", gamma)


@hookimpl
def trash_losses():
    return [Component("{name}", make, "A loss for tests.", aliases=("{name}_alias",))]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "plugins").mkdir()
    return Project(tmp_path)


def write(project: Project, file: str, text: str) -> Path:
    path = project.plugins / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(registry: Registry, kind: str, source: str) -> list[str]:
    return [entry.name for entry in registry.entries(kind) if entry.source == source]


def test_a_file_is_a_plugin_and_knows_where_it_lives(project: Project) -> None:
    path = write(project, "mine.py", LOSS.format(name="mine"))
    registry = load_registry(project)
    assert registry.failures == ()
    entry = registry.find("loss", "mine")
    assert (entry.source, entry.file, entry.line) == ("mine", path, 4)
    assert registry.find("loss", "mine_alias") == entry
    built = registry.build("loss", ComponentSpec(name="mine", gamma=3), Context(("a", "b")))  # type: ignore[call-arg]
    assert built == ("mine", 3.0)


def test_built_ins_come_first(project: Project) -> None:
    write(project, "mine.py", LOSS.format(name="mine"))
    sources = [entry.source for entry in load_registry(project).entries("loss")]
    assert sources[0] == "builtin"
    assert sources[-1] == "mine"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = 1\nimport does_not_exist\n", "line 2: ModuleNotFoundError: No module named"),
        ("def broken(:\n", "line 1: SyntaxError"),
        ("raise SystemExit(3)\n", "line 1: SystemExit: 3"),
        (
            "from toolkit import hookimpl\n@hookimpl\ndef trash_loses():\n    return []\n",
            "there is no hook trash_loses. Did you mean trash_losses?",
        ),
        (
            "from toolkit import hookimpl\n@hookimpl\ndef trash_losses():\n    return [3]\n",
            "trash_losses returned 3, which is not a Component",
        ),
        (
            "from toolkit import hookimpl\n@hookimpl\ndef trash_losses():\n    return 1 / 0\n",
            "line 4: ZeroDivisionError",
        ),
        (LOSS.format(name="Bad Name"), "names are lower case letters"),
        (LOSS.format(name="x").replace("@hookimpl", ""), "write @hookimpl above it"),
        (LOSS.format(name="x").replace("return [", "["), "trash_losses returned nothing"),
        (LOSS.format(name="x").replace('("x_alias",)', '"short"'), "write aliases=('short',)"),
        (
            LOSS.format(name="x").replace("make,", "3,"),
            "the factory is int, which cannot be called",
        ),
        (LOSS.format(name="x").replace('"A loss for tests."', "None"), "the summary is not a text"),
        (LOSS.format(name="x").replace("x_alias", "x"), "trash_losses offers x twice"),
        (LOSS.format(name="x").replace("trash_losses()", "trash_losses(context)"), "{'context'}"),
        (LOSS.format(name="x").replace("return [", "raise SystemExit(4)\n    return ["), "line 10"),
        (
            "from toolkit import hookimpl\n@hookimpl\ndef trash_losses():\n    yield 1 / 0\n",
            "line 4: ZeroDivisionError",
        ),
    ],
)
def test_a_broken_plugin_is_skipped_and_said(project: Project, text: str, expected: str) -> None:
    write(project, "broken.py", text)
    write(project, "fine.py", LOSS.format(name="fine"))
    registry = load_registry(project)
    assert names(registry, "loss", "fine") == ["fine"]
    assert names(registry, "loss", "broken") == []
    (failure,) = registry.failures
    assert failure.source == "broken"
    assert expected in failure.message
    with pytest.raises(UsageError) as caught:
        registry.find("loss", "broken_loss")
    assert "Plugin broken could not be loaded" in caught.value.hint


def test_files_that_are_no_plugins_are_left_alone(project: Project) -> None:
    for name in ("._mine.py", ".mine.py", "_shared.py", "notes.txt"):
        write(project, name, "1 / 0\n")
    write(project, "my.loss.py", LOSS.format(name="x"))
    write(project, "idee ü 😀.py", LOSS.format(name="idea"))
    registry = load_registry(project)
    assert [(f.source, f.message) for f in registry.failures] == [
        ("my.loss", "ImportError: a plugin's name has no dots: rename it to my_loss")
    ]
    assert registry.find("loss", "idee ü 😀:idea").name == "idea"


def test_a_file_and_a_folder_of_one_name(project: Project) -> None:
    write(project, "mine.py", LOSS.format(name="of_file"))
    package = write(project, "mine/__init__.py", LOSS.format(name="of_folder"))
    registry = load_registry(project)
    assert names(registry, "loss", "mine") == ["of_folder"]
    (failure,) = registry.failures
    assert failure.message == f"ImportError: {package} has that name, too: rename one of them"


def test_what_plugins_print_goes_to_stderr(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "print('imported')\n" + LOSS.format(name="x").replace(
        "    return [", "    print('asked')\n    return ["
    )
    hook = "\n@hookimpl\ndef trash_epoch_finished(epoch):\n    print('told')\n"
    write(project, "chatty.py", text + hook)
    registry = load_registry(project)
    registry.notify("trash_epoch_finished", run_dir=project.root, epoch=3, figures={})
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["imported", "asked", "told"]


def test_names_that_clash_are_refused_when_looked_up(project: Project) -> None:
    one = write(project, "one.py", LOSS.format(name="same"))
    two = write(project, "two.py", LOSS.format(name="same"))
    registry = load_registry(project)
    with pytest.raises(UsageError) as caught:
        registry.find("loss", "same")
    assert str(one) in str(caught.value)
    assert str(two) in str(caught.value)
    assert registry.find("loss", "one:same").file == one
    assert registry.find("loss", "two:same").file == two


def test_a_clash_with_a_built_in_leaves_both_reachable(project: Project) -> None:
    write(project, "mine.py", LOSS.format(name="dice_ce"))
    registry = load_registry(project)
    with pytest.raises(UsageError, match="2 plugins offer a loss called dice_ce"):
        registry.find("loss", "dice_ce")
    assert registry.find("loss", "builtin:dice_ce").source == "builtin"
    assert registry.find("loss", "mine:dice_ce").source == "mine"


def test_an_unknown_name_gets_a_suggestion(registry: Registry) -> None:
    with pytest.raises(UsageError) as caught:
        registry.find("loss", "dice_ec")
    assert "Did you mean dice_ce?" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        registry.find("loss", "adamw")
    assert "There is a component of that name, but it is for optimizer." in caught.value.hint


def test_a_plugin_called_torch_shadows_nothing(project: Project) -> None:
    write(project, "torch.py", LOSS.format(name="mine"))
    registry = load_registry(project)
    assert registry.find("loss", "mine").source == "torch"
    import torch

    assert hasattr(torch, "Tensor")


def test_plugins_share_code_and_may_be_folders(project: Project) -> None:
    write(project, "_shared.py", "NAME = 'shared_name'\n")
    write(
        project,
        "pack/__init__.py",
        "from .._shared import NAME\n" + LOSS.format(name="x").replace('"x"', "NAME"),
    )
    registry = load_registry(project)
    assert registry.failures == ()
    assert names(registry, "loss", "pack") == ["shared_name"]


def test_projects_do_not_see_each_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "plugins").mkdir(parents=True)
        (tmp_path / name / "plugins" / "same_file.py").write_text(LOSS.format(name=name))
    assert load_registry(Project(tmp_path / "one")).find("loss", "one")
    second = load_registry(Project(tmp_path / "two"))
    assert names(second, "loss", "same_file") == ["two"]


def test_a_fresh_process_unpickles_what_a_plugin_defines(project: Project) -> None:
    write(project, "_base.py", "class Base:\n    kind = 'base'\n")
    text = (
        LOSS.format(name="mine").replace('return ("mine", gamma)', "return Thing(gamma)")
        + "\nfrom ._base import Base\n\n\nclass Thing(Base):\n"
        + "    def __init__(self, x):\n        self.x = x\n"
    )
    write(project, "mine.py", text)
    registry = load_registry(project)
    thing = registry.build("loss", ComponentSpec(name="mine", gamma=1.5), Context(("a",)))  # type: ignore[call-arg]
    # As a loader worker started by spawn does: nothing was loaded, only the environment is there.
    code = "import pickle, sys; t = pickle.loads(sys.stdin.buffer.read()); print(t.x, t.kind)"
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(thing), capture_output=True, check=True
    )
    assert done.stdout.split() == [b"1.5", b"base"]


def test_what_runs_is_the_source_beside_which_a_clone_brings_other_code(project: Project) -> None:
    path = write(project, "mine.py", LOSS.format(name="hidden"))
    bytecode = Path(py_compile.compile(str(path), doraise=True))
    # Unchecked bytecode is Python's to trust, whatever the source says.
    py_compile.compile(
        str(path), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    assert bytecode.exists()
    path.write_text(LOSS.format(name="shown"))
    write(project, f"mine{EXTENSION_SUFFIXES[0]}", "no module, but Python's own finder prefers it")
    registry = load_registry(project)
    assert registry.failures == ()
    assert names(registry, "loss", "mine") == ["shown"]


def test_an_edit_of_equal_length_within_a_second_is_seen(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = write(project, "mine.py", LOSS.format(name="one"))
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    assert names(load_registry(project), "loss", "mine") == ["one"]
    path.write_text(LOSS.format(name="two"))
    os.utime(path, ns=times)
    load_registry(Project(project.root / "elsewhere"))
    assert names(load_registry(project), "loss", "mine") == ["two"]
    assert not list(project.plugins.rglob("*.pyc"))


def test_installed_packages_offer_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "someones_losses.py").write_text(LOSS.format(name="theirs"))
    (tmp_path / "broken_package.py").write_text("1 / 0\n")
    for name, module in (("someones", "someones_losses"), ("brokenpkg", "broken_package")):
        info = tmp_path / f"{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[trash]\n{name} = {module}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load_registry(None)
    entry = registry.find("loss", "someones:theirs")
    assert (entry.source, entry.version) == ("someones", "1.2")
    (failure,) = registry.failures
    assert (failure.source, failure.message) == ("brokenpkg", "ZeroDivisionError: division by zero")


def test_one_package_may_have_several_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = "\n@hookimpl\ndef trash_epoch_finished(epoch):\n    SEEN.append(epoch)\nSEEN = []\n"
    for name in ("first", "second"):
        (tmp_path / f"pack_{name}.py").write_text(LOSS.format(name=name) + hook)
    info = tmp_path / "pack-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pack\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[trash]\na = pack_first\nb = pack_second\nagain = pack_first\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load_registry(None)
    assert names(registry, "loss", "pack") == ["first", "second"]
    assert [failure.source for failure in registry.failures] == ["pack"]
    registry.notify("trash_epoch_finished", run_dir=tmp_path, epoch=3, figures={})
    assert sys.modules["pack_first"].SEEN == [3]
    assert sys.modules["pack_second"].SEEN == [3]


def test_life_cycle_hooks_reach_every_plugin_though_one_raises(project: Project) -> None:
    hook = (
        "from toolkit import hookimpl\nSEEN = []\n\n"
        "@hookimpl\ndef trash_epoch_finished(epoch, figures):\n"
    )
    write(project, "a_fine.py", hook + "    SEEN.append((epoch, figures['loss']))\n")
    write(project, "b_bad.py", hook + "    raise ValueError('no network')\n")
    write(project, "b_exit.py", hook + "    raise SystemExit('enough')\n")
    write(project, "c_fine.py", hook + "    SEEN.append(epoch)\n")
    registry = load_registry(project)
    failures = registry.notify(
        "trash_epoch_finished", run_dir=project.root, epoch=3, figures={"loss": 0.5}
    )
    modules = sys.modules
    assert modules["toolkit.plugin.team.a_fine"].SEEN == [(3, 0.5)]  # type: ignore[attr-defined]
    assert modules["toolkit.plugin.team.c_fine"].SEEN == [3]  # type: ignore[attr-defined]
    failure, exit_ = failures
    assert exit_.message.endswith("trash_epoch_finished: SystemExit: enough")
    assert failure.source == "b_bad"
    assert "trash_epoch_finished: ValueError: no network" in failure.message


def test_listing_components_imports_no_torch() -> None:
    code = (
        "import sys; from toolkit.plugin.discovery import load_registry; r = load_registry(None);"
        "[r.parameters(e) for e in r.entries()];"
        "heavy = ('torch', 'timm', 'albumentations', 'tensorboard', 'wandb', 'mlflow', 'trackio');"
        "print(len(r.entries()) > 20, [m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True []"
