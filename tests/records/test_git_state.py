"""What a repository configures is never run, and what it holds is told."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from toolkit.records.git_state import GitState, git_setting, git_state

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    folder = tmp_path / "clone"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "recipe.toml").write_text("seed = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def touch(path: Path) -> None:
    os.utime(path, (1, 1))


def test_commit_and_changes(repository: Path, tmp_path: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    assert git_state(repository) == GitState(commit, ())
    touch(repository / "recipe.toml")
    (repository / "new.txt").write_text("not tracked")
    assert git_state(repository) == GitState(commit, ())
    (repository / "recipe.toml").write_text("seed = 2\n")
    assert git_state(repository) == GitState(commit, ("recipe.toml",))
    git(repository, "add", ".")
    assert git_state(repository) == GitState(commit, ("new.txt", "recipe.toml"))
    assert git_state(tmp_path) is None


def test_names_of_changed_files_are_told_as_they_are(repository: Path) -> None:
    names = [" blank.py", "two\nlines.py", "쓰레기.py", "plugins/a b.py"]
    (repository / "plugins").mkdir()
    for name in names:
        (repository / name).write_text("1")
    git(repository, "add", ".")
    state = git_state(repository)
    assert state is not None
    assert set(state.files or ()) == set(names)


def test_records_of_runs_do_not_count_as_changed(repository: Path) -> None:
    record = repository / "records" / "ann" / "a.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "a record")
    record.write_text("{ }")
    state = git_state(repository)
    assert state is not None
    assert state.files == ()


def test_a_new_plugin_or_recipe_is_not_in_the_commit(repository: Path) -> None:
    inner = repository / "project"
    for name in ("plugins/new.py", "plugins/out.pyc", "recipes/mine/new.toml", "notes.txt"):
        (inner / name).parent.mkdir(parents=True, exist_ok=True)
        (inner / name).write_text("x")
    (repository / ".gitignore").write_text("*.pyc\n")
    state = git_state(inner)
    assert state is not None
    assert state.files == ("project/plugins/new.py", "project/recipes/mine/new.toml")


def test_a_setting(repository: Path, tmp_path: Path) -> None:
    assert git_setting(repository, "user.name") is None
    assert git_setting(tmp_path, "user.name") is None
    git(repository, "config", "user.name", "김철수")
    assert git_setting(repository, "user.name") == "김철수"


def spy(folder: Path, name: str) -> tuple[str, Path]:
    """Return a command that leaves a file behind, and that file."""
    left = folder / f"{name}.ran"
    script = folder / f"{name}.sh"
    script.write_text(f"#!/bin/sh\ntouch '{left}'\ncat\n")
    script.chmod(0o755)
    return str(script), left


def test_nothing_that_a_repository_configures_is_run(repository: Path, tmp_path: Path) -> None:
    command, left = spy(tmp_path, "spy")
    odd = 'a=b."c'
    (repository / ".gitattributes").write_text(
        "recipe.toml filter=evil diff=evil merge=evil\nother.toml filter=process\n"
        "third.toml filter=included\n"
    )
    for name in ("other.toml", "third.toml"):
        (repository / name).write_text("x = 1\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "second")
    included = repository / ".git" / "more"
    included.write_text(f'[filter "included"]\n\tclean = {command}\n\trequired\n')
    for key in (
        "core.fsmonitor",
        "core.pager",
        "pager.status",
        "pager.rev-parse",
        "core.sshCommand",
        "core.editor",
        "core.askPass",
        "core.gitProxy",
        "diff.external",
        "gpg.program",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.process.process",
        f"filter.{odd}.clean",
        "diff.evil.command",
        "diff.evil.textconv",
        "merge.evil.driver",
    ):
        git(repository, "config", key, command)
    git(repository, "config", "filter.evil.required", "true")
    git(repository, "config", "include.path", "more")
    for alias in ("status", "rev-parse", "config"):
        git(repository, "config", f"alias.{alias}", f"!{command}")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        shutil.copy(command, hooks / hook)
    git(repository, "config", "core.hooksPath", str(hooks))
    left.unlink(missing_ok=True)
    for name in ("recipe.toml", "other.toml", "third.toml"):
        touch(repository / name)
    assert (
        subprocess.run(["git", "-C", str(repository), "status"], capture_output=True).returncode
        == 0
    )
    assert left.exists(), "git itself runs the command, so the test tests something"
    left.unlink()
    for name in ("recipe.toml", "other.toml", "third.toml"):
        touch(repository / name)
    assert git_state(repository) is not None
    assert not left.exists()


def test_no_program_fetches_what_a_partial_clone_lacks(repository: Path, tmp_path: Path) -> None:
    command, left = spy(tmp_path, "upload")
    commit = git(repository, "rev-parse", "HEAD")
    tree = git(repository, "rev-parse", "HEAD^{tree}")
    git(repository, "config", "core.repositoryFormatVersion", "1")
    git(repository, "config", "extensions.partialClone", "origin")
    for key, value in (
        ("url", f"ext::{command}"),
        ("promisor", "true"),
        ("uploadpack", command),
    ):
        git(repository, "config", f"remote.origin.{key}", value)
    git(repository, "config", "protocol.ext.allow", "always")
    for missing in (tree, commit):
        (repository / ".git" / "objects" / missing[:2] / missing[2:]).unlink()
        git_state(repository)
        assert not left.exists()


def test_a_submodule_is_not_asked(repository: Path, tmp_path: Path) -> None:
    command, left = spy(tmp_path, "spy")
    inner = repository / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "file").write_text("x")
    git(inner, "add", ".")
    git(inner, "commit", "-q", "-m", "inner")
    git(repository, "add", "inner")
    git(repository, "commit", "-q", "-m", "with a submodule")
    git(inner, "config", "core.fsmonitor", command)
    git(repository, "status")
    assert left.exists(), "git itself runs the command, so the test tests something"
    left.unlink()
    assert git_state(repository) is not None
    assert not left.exists()
