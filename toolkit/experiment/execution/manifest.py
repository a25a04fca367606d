"""The manifest of a run: code, packages, plugins, data, seeds and parents that made it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.data.contest import Contest
from toolkit.experiment.execution.lineage import parents_of
from toolkit.experiment.execution.stage_inputs import StageInputs
from toolkit.experiment.planning.keys import plugins_of, result_key
from toolkit.experiment.planning.leaks import exposure_of
from toolkit.experiment.planning.plan import Training
from toolkit.experiment.run_folder import SCHEMA_VERSION
from toolkit.files import digest_of
from toolkit.packages import package_versions
from toolkit.project import Project
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import dotted
from toolkit.recipe.show import own_values
from toolkit.records.author import author_name, author_slug
from toolkit.records.git_state import GitState, git_state
from toolkit.records.moment import now as now
from toolkit.records.record import MOST_CHANGED, new_record_name
from toolkit.submission.side_car import portable_path
from toolkit.train.device import choose_device
from toolkit.workspace import Workspace


def make_manifest(identity: Mapping[str, Any], project: Project) -> dict[str, Any]:
    """Return the manifest of a run that begins now, as plain values.

    Args:
        identity: from `identity_of`.
        project: the project.
    """
    git = git_state(project.root)
    changed = None if git is None else git.files
    return {
        "schema_version": SCHEMA_VERSION,
        "status": "running",
        "started": now(),
        "command": sys.argv[1:],
        **identity,
        "code": {"trash": __version__, "git": None if git is None else _as_json(git)},
        "changed_files": list(changed or ())[:MOST_CHANGED],
        "n_changed": None if changed is None else len(changed),
        "packages": package_versions(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def identity_of(workspace: Workspace, training: Training, inputs: StageInputs) -> dict[str, Any]:
    """Return the entries of a manifest that say what a run stands for.

    A run that is resumed may become another one, a longer one for example: they are written again.
    """
    loaded, contest = training.loaded, training.contest
    return {
        "author": author_name(workspace.project),
        "recipe": portable_path(loaded.path, workspace.project.root),
        "recipe_digest": loaded.digest,
        "training": training.key,
        "result_key": result_key(workspace, training),
        "options": list(loaded.options),
        "own": own_values(loaded),
        "origins": _origins(loaded, workspace.project.root),
        "values": training.recipe.model_dump(mode="json"),
        "reproduces": loaded.record,
        "seed": loaded.recipe.seed,
        "device": choose_device(training.recipe.train.device).type,
        "classes": list(contest.class_names),
        "data": data_of(contest),
        "photos": exposure_of(training, workspace.project).as_json(),
        "plugins": plugins_of(training.recipe, workspace.registry),
        "given": inputs.as_json(),
        "parents": parents_of(inputs, workspace.project.root),
    }


def _origins(loaded: LoadedRecipe, root: Path) -> dict[str, str]:
    """Return dotted key -> file and line, or word, of every value that is no default."""
    return {
        dotted(path): str(origin)
        if origin.file is None
        else f"{portable_path(origin.file, root)}:{origin.line}"
        for path, origin in loaded.layers.origins.items()
    }


def data_of(contest: Contest) -> dict[str, dict[str, Any]]:
    """Return number and digests of the images of each split, as manifests hold them."""
    splits = {"train": contest.train, "val": contest.val, "test": contest.test}
    return {
        name: {
            "images": len(split),
            "digest": split.digest,
            "photos": digest_of(*sorted(split.contents)),
        }
        for name, split in splits.items()
        if split is not None
    }


def with_record(manifest: Mapping[str, Any], training_name: str) -> dict[str, Any]:
    """Return a manifest that names a record of its author: its own, or a new one."""
    author, record = manifest["author"], str(manifest.get("record", ""))
    # The folder of a mate's run may have been copied here: its record stays as it is.
    if not record.startswith(f"{author_slug(author)}/"):
        record = new_record_name(author, training_name)
    return {**manifest, "record": record}


def _as_json(git: GitState) -> dict[str, Any]:
    return {"commit": git.commit, "changed": None if git.files is None else bool(git.files)}
