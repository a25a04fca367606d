"""Finding runs and checkpoints: by the key of a training, or by a name that a user typed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.experiment.run_folder import MANIFEST, RunFolder
from toolkit.files import is_file, read_json
from toolkit.predict.members import MemberRef, parse_member_ref
from toolkit.project import Project, refuse_other_project
from toolkit.suggestions import nearest
from toolkit.wording import part_of, some_of

CHECKPOINT_SUFFIX = ".pt"
SERIES_SUFFIX = ".json"
_CHECKPOINT, _IS = ("checkpoint", "checkpoints"), ("is", "are")
_SHOWN = 5


def finished_run(key: str, runs: Path) -> RunFolder | None:
    """Return the newest finished run of a training, whatever its name."""
    found = [run for run, manifest in _runs_of(key, runs) if manifest["status"] == "finished"]
    return next((run for run in reversed(found) if run.best.is_file()), None)


def unfinished_run(key: str, runs: Path) -> RunFolder | None:
    """Return the newest run of a training that was cut after an epoch, or None."""
    found = [run for run, manifest in _runs_of(key, runs) if manifest["status"] != "finished"]
    return next((run for run in reversed(found) if run.has_epochs), None)


def _runs_of(key: str, runs: Path) -> Iterator[tuple[RunFolder, dict[str, Any]]]:
    """Yield the runs with this key, the oldest first."""
    dated = []
    for path in runs.iterdir() if runs.is_dir() else ():
        run = RunFolder(path)
        try:
            manifest = run.manifest()
        except UsageError:  # another version's, or a folder of somebody else
            continue
        if manifest.get("training") == key:
            dated.append((manifest.get("started", ""), run.name, run, manifest))
    for _, _, run, manifest in sorted(dated, key=lambda each: each[:2]):
        yield run, manifest


def find_checkpoint(
    text: str, project: Project, views: str | None = None, *, base: Path | None = None
) -> MemberRef:
    """Return the checkpoint that a person names, with its views.

    It is a file; the folder of a run, or the run's name alone, which mean its best.pt; each with
    `@views` after it. Paths are relative to `base`, to the project's folder or to `runs/`.

    Args:
        text: as written.
        project: where runs are.
        views: for a checkpoint without views of its own.
        base: default: the working folder.

    Raises:
        UsageError: there is none, or a run has no best.pt; the hint names the nearest. It is
            another project's, and there is none here.
    """
    choice = parse_member_ref(text, views)
    path = _checkpoint_file(choice.path, project, base or Path())
    if path is None:
        raise _no_checkpoint(choice.path, project)
    refuse_other_project(path, project)
    return MemberRef(path, choice.views)


def find_run(text: str, project: Project) -> RunFolder:
    """Return the run that a person names: by its name, or by a path to its folder or checkpoint.

    Raises:
        UsageError: there is none; the hint names the nearest.
    """
    path = Path(os.path.expanduser(text))
    places = (path, project.root / path, project.runs / path)
    for place in places:
        folder = place.parent if place.suffix == CHECKPOINT_SUFFIX else place
        if _is_run(folder):
            return RunFolder(folder.resolve())
    if any(place.is_file() for place in places):
        raise UsageError(
            f"{text} is a file, and no run",
            "A checkpoint or submission file has no training to be shown. What it scores and where "
            f"it is wrong: trash evaluate {text} --truth TRUTH",
        )
    name = path.parent.name if path.suffix == CHECKPOINT_SUFFIX and path.parent.name else path.name
    raise UsageError(f"there is no run {text}", _nearest_run(name, project))


def find_checkpoints(text: str, project: Project) -> list[MemberRef]:
    """Return the checkpoints that a person means: that of a run, or those of all runs of a series.

    A series is named by its summary, `runs/NAME.json`, or by NAME.

    Args:
        text: as written.
        project: where runs are.

    Raises:
        UsageError: there is none, as `find_checkpoint`; the series is none, or lacks one of its.
    """
    path = Path(os.path.expanduser(text))
    name = path if path.suffix == SERIES_SUFFIX else Path(f"{path}{SERIES_SUFFIX}")
    for place in (name, project.root / name, project.runs / name):
        if is_file(place):
            return _checkpoints_of_series(place, project)
    return [find_checkpoint(text, project)]


def _checkpoints_of_series(path: Path, project: Project) -> list[MemberRef]:
    content = read_json(path, "summary of a series")
    try:
        files = [str(run["checkpoint"]) for run in content["runs"]]
    except (LookupError, TypeError):
        raise UsageError(
            f"{path} is no summary of a series", "trash recipe run RECIPE --folds writes one."
        ) from None
    missing = [file for file in files if not is_file(project.path(file))]
    if missing or not files:
        raise UsageError(
            f"{path}: {part_of(len(missing), len(files), _CHECKPOINT, _IS)} not there any more: "
            f"{some_of(missing)}",
            "Run the series again: finished runs are found.",
        )
    return [find_checkpoint(file, project, base=project.root) for file in files]


def names_checkpoint(text: str, project: Project) -> bool:
    """Return whether a recipe means a checkpoint or a run by a name, rather than a recipe."""
    path = parse_member_ref(text).path
    if path.suffix == CHECKPOINT_SUFFIX:
        return True
    places = (project.path(str(path)), project.runs / path)
    return any(_is_run(place) or RunFolder(place).best.is_file() for place in places)


def _checkpoint_file(path: Path, project: Project, base: Path) -> Path | None:
    """Return the checkpoint that a path or the name of a run stands for; None = there is none."""
    path = Path(os.path.expanduser(path))
    places = (base / path, project.root / path, project.runs / path)
    for place in places:
        if place.is_file():
            return place
        # A folder of another kind, such as one of recipes, may have the name of a run.
        if place.is_dir() and RunFolder(place).best.is_file():
            return RunFolder(place).best
    run = next((each for each in places if _is_run(each)), None)
    if run is None:
        return None
    others = sorted(each.name for each in run.glob(f"*{CHECKPOINT_SUFFIX}") if each.stem != "state")
    raise UsageError(
        f"the run {run.name} has no best.pt: it was cut before its first validation",
        f"It has {', '.join(others[:_SHOWN])}." if others else "Run its recipe with --resume.",
    )


def _is_run(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def _no_checkpoint(path: Path, project: Project) -> UsageError:
    if path.is_dir():
        message = f"{path} has no best.pt: it is not the folder of a run"
    else:
        message = f"there is no checkpoint {path}"
    if path.suffix == CHECKPOINT_SUFFIX and path.parent.is_dir():
        near = nearest(path.name, [each.name for each in path.parent.glob(f"*{CHECKPOINT_SUFFIX}")])
        if near is not None:
            return UsageError(message, f"Did you mean {path.parent / near}?")
    # "demo" stands near to demo-001, "runs/dmeo-001/best.pt" too.
    name = path.parent.name if path.suffix == CHECKPOINT_SUFFIX and path.parent.name else path.name
    return UsageError(message, _nearest_run(name, project))


def _nearest_run(name: str, project: Project) -> str:
    """Return a hint with the nearest runs."""
    runs = sorted(each.name for each in project.runs.glob("*") if _is_run(each))
    near = nearest(name, runs)
    if near is not None:
        return f"Did you mean the run {near}?"
    if runs:
        more = ", …" if len(runs) > _SHOWN else ""
        return f"Runs: {', '.join(runs[-_SHOWN:])}{more}"
    return f"There are no runs in {project.runs}: make one with trash recipe run RECIPE."
