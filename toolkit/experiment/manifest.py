"""What made a run: code, packages, plugins, data, seeds, parents."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from typing import Any

from toolkit import __version__
from toolkit.experiment.git_state import git_state
from toolkit.experiment.given import Given
from toolkit.experiment.lineage import parents_of
from toolkit.experiment.plan import Training
from toolkit.experiment.run_folder import SCHEMA_VERSION
from toolkit.packages import package_versions
from toolkit.plugin.discovery import BUILTIN
from toolkit.plugin.registry import Entry, Registry
from toolkit.plugin.source import source_digest
from toolkit.project import Project
from toolkit.submission.side_car import portable_path


def make_manifest(
    training: Training, registry: Registry, project: Project, given: Given
) -> dict[str, Any]:
    """Return the manifest of a run of a training that begins now, as plain values."""
    loaded, contest = training.loaded, training.contest
    splits = {"train": contest.train, "val": contest.val, "test": contest.test}
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "running",
        "started": now(),
        "command": sys.argv[1:],
        "recipe": portable_path(loaded.path, project.root),
        "recipe_digest": loaded.digest,
        "training": training.key,
        "seed": loaded.recipe.seed,
        "classes": list(contest.class_names),
        "data": {
            name: {"images": len(split), "digest": split.digest}
            for name, split in splits.items()
            if split is not None
        },
        "code": {"trash": __version__, "git": git_state(project.root)},
        "packages": package_versions(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "plugins": plugin_digests(registry),
        "given": given.as_json(),
        "parents": parents_of(given, project.root),
    }


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def plugin_digests(registry: Registry) -> dict[str, dict[str, str | None]]:
    """Return version and digest of the files of every plugin that is not built in."""
    entries: dict[str, list[Entry]] = {}
    for entry in registry.entries():
        if entry.source != BUILTIN:
            entries.setdefault(entry.source, []).append(entry)
    return {
        source: {"version": found[0].version, "digest": source_digest(*found)}
        for source, found in entries.items()
    }
