"""The commit of a run's code, read without running anything that the repository configures.

A repository's own configuration and attributes may name programs: file system monitors, filters,
hooks, transports. In a clone of somebody else's project they are somebody else's programs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.project import RECORDS

_SECONDS = 10
_NOTHING = "false"
_SETTINGS = {
    "core.fsmonitor": _NOTHING,
    "core.hooksPath": os.devnull,
    "status.submoduleSummary": _NOTHING,
    "protocol.allow": "never",
}
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",  # the index stays as it is: no hook about its change
    "GIT_NO_LAZY_FETCH": "1",  # of objects that a partial clone lacks
    "GIT_ALLOW_PROTOCOL": "",  # the same for a git before 2.45
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
}
_OF_RUNS = ("plugins", "recipes")
"""Folders in which a new file may have made a run."""
_FILTERS = r"^filter\..*\.(clean|smudge|process|required)$"


@dataclass(frozen=True)
class GitState:
    """A commit, and the files that were changed since.

    Attributes:
        commit: its digest.
        files: what differs from it, by paths in the repository: tracked files, and new ones in
            `plugins/` and `recipes/`; None = git cannot say.
    """

    commit: str
    files: tuple[str, ...] | None


def git_state(folder: Path) -> GitState | None:
    """Return the state of the repository around a folder; None outside one.

    The records of runs do not count as changed: they say what was done, and decide nothing. Filters
    (as of Git LFS) are not run: a filtered file that was touched counts as changed. Submodules are
    not looked at.
    """
    commit = _git(folder, _SETTINGS, "rev-parse", "--verify", "HEAD^{commit}")
    if commit is None:
        return None
    named = _git(
        folder, _SETTINGS, "config", "--includes", "--null", "--name-only", "--get-regexp", _FILTERS
    )
    filters = {name: _off(name) for name in (named or "").split("\0") if name}
    changed = _git(
        folder,
        _SETTINGS | filters,
        "status",
        "--porcelain",
        "--null",
        "--untracked-files=no",
        "--ignore-submodules=all",
        "--no-renames",
        "--",
        f":(exclude){RECORDS}",
    )
    new = _git(
        folder,
        _SETTINGS | filters,
        "ls-files",
        "--others",
        "--exclude-standard",
        "--full-name",
        "-z",
        "--",
        *_OF_RUNS,
    )
    if changed is None or new is None:
        return GitState(commit.strip(), None)
    return GitState(commit.strip(), (*_names(changed), *filter(None, new.split("\0"))))


def git_setting(folder: Path, name: str) -> str | None:
    """Return a setting as git reads it in a folder, such as `user.name`; None = it is not set."""
    found = _git(folder, _SETTINGS, "config", "--includes", "--get", name)
    return (found or "").strip() or None


def _names(status: str) -> list[str]:
    """Return the files of `git status --porcelain --null`: two letters and a blank, then a path."""
    return [entry[3:] for entry in status.split("\0") if entry]


def _off(setting: str) -> str:
    return _NOTHING if setting.endswith(".required") else ""


def _git(folder: Path, settings: Mapping[str, str], *arguments: str) -> str | None:
    # As variables, names of settings may hold every character; they win over every file.
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    try:
        done = subprocess.run(
            ["git", "--no-pager", "-C", str(folder), *arguments],
            capture_output=True,
            check=True,
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **_ENVIRONMENT, **variables},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")
