"""The commit of a run's code, read without running anything that the repository configures.

A repository's own configuration and attributes may name programs: file system monitors, filters,
hooks, transports. In a clone of somebody else's project they are somebody else's programs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
_FILTERS = r"^filter\..*\.(clean|smudge|process|required)$"


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return commit and whether files were changed since (None = git cannot say).

    Outside a repository the answer is None. Filters (as of Git LFS) are not run: a filtered file
    that was touched counts as changed. Submodules are not looked at.
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
        "--untracked-files=no",
        "--ignore-submodules=all",
        "--no-renames",
    )
    return {"commit": commit, "changed": None if changed is None else bool(changed)}


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
    return done.stdout.decode(errors="replace").strip()
