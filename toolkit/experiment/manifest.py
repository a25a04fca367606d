"""What made a run: code, packages, plugins, data, seeds, parents."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.data.contest import Contest
from toolkit.files import file_digest
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import shown_path

SCHEMA_VERSION = 1
_PACKAGES = (
    "torch",
    "torchvision",
    "timm",
    "segmentation-models-pytorch",
    "albumentations",
    "numpy",
    "opencv-python-headless",
    "pycocotools",
)


def make_manifest(
    loaded: LoadedRecipe, registry: Registry, project: Project, contest: Contest
) -> dict[str, Any]:
    """Return the manifest of a run that begins now, as plain values."""
    splits = {"train": contest.train, "val": contest.val, "test": contest.test}
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "running",
        "started": now(),
        "command": sys.argv[1:],
        "recipe": shown_path(loaded.path),
        "recipe_digest": loaded.digest,
        "seed": loaded.recipe.seed,
        "classes": list(contest.class_names),
        "data": {
            name: {"images": len(split), "digest": split.digest}
            for name, split in splits.items()
            if split is not None
        },
        "code": {"trash": __version__, "git": git_state(project.root)},
        "packages": {name: _version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "plugins": plugin_digests(registry),
        "parents": [],
    }


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def plugin_digests(registry: Registry) -> dict[str, dict[str, str | None]]:
    """Return version and file digest of every plugin that is not built in."""
    found: dict[str, dict[str, str | None]] = {}
    for entry in registry.entries():
        if entry.source != "builtin" and entry.file is not None:
            found[entry.source] = {"version": entry.version, "digest": file_digest(entry.file)}
    return found


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return commit and whether files were changed since, or None outside a repository."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed": bool(changed)}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
