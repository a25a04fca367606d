"""Running a recipe from its data to a scored submission."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.data.contest import Contest, open_contest
from toolkit.errors import UsageError
from toolkit.experiment.launch import in_worker, relaunch
from toolkit.experiment.manifest import make_manifest, now
from toolkit.experiment.run_folder import RunFolder, new_run, run_to_resume
from toolkit.files import write_text_atomic
from toolkit.plugin.registry import Registry
from toolkit.progress import Progress
from toolkit.project import Project
from toolkit.recipe.check import check_names
from toolkit.recipe.load import LoadedRecipe, load_recipe
from toolkit.recipe.show import as_toml, resolved_values
from toolkit.recipe.smoke import WORD, smoke_values
from toolkit.submission.submit import SubmissionResult, submit
from toolkit.train.fit import FitResult, fit

_RUN_VARIABLE = "TRASH_RUN"


@dataclass(frozen=True)
class RunResult:
    """What a run left behind.

    Attributes:
        run: its folder.
        fit: the checkpoints and their scores.
        submission: the leaderboard file, if the recipe has a test split.
        kept: False when the files are already deleted (`--smoke`).
    """

    run: RunFolder
    fit: FitResult
    submission: SubmissionResult | None
    kept: bool

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain values."""
        found: dict[str, Any] = {
            "run": str(self.run.path),
            "checkpoint": str(self.fit.best),
            "best_epoch": self.fit.best_epoch,
            "epochs": self.fit.epochs,
            "stopped_early": self.fit.stopped_early,
            "scores": self.fit.scores,
            "kept": self.kept,
        }
        if self.submission is not None:
            found["submission"] = self.submission.as_json()
        return found

    def summary(self) -> Iterator[tuple[str, str]]:
        """Yield (name, value) lines for a person."""
        if self.kept:
            yield "run", str(self.run.path)
            yield "checkpoint", str(self.fit.best)
        yield "validation", f"mIoU {self.fit.scores['val_miou']:.4f} (epoch {self.fit.best_epoch})"
        if self.submission is not None:
            if self.kept:
                yield "submission", str(self.submission.path)
            yield "rows", f"{self.submission.rows} (checked)"
            if self.submission.score is not None:
                yield "score", f"mIoU {self.submission.score.mean_iou:.4f} on the test split"


def load_for_run(
    path: Path, project: Project, set_: Sequence[str], unset: Sequence[str], *, smoke: bool
) -> LoadedRecipe:
    """Load a recipe as `recipe run` does: with overrides, and made tiny for `--smoke`."""
    loaded = load_recipe(path, project=project, set_=set_, unset=unset)
    if not smoke:
        return loaded
    last = (WORD, smoke_values(loaded.recipe, project.cache))
    return load_recipe(path, project=project, set_=set_, unset=unset, last=last)


def execute(
    loaded: LoadedRecipe,
    registry: Registry,
    project: Project,
    progress: Progress,
    *,
    resume: bool = False,
    smoke: bool = False,
    devices: int = 1,
) -> RunResult | None:
    """Train, predict, combine, write, validate and score what a recipe describes.

    With several devices this process is replaced by as many that train; the main one of them
    returns the result, the others None.

    Raises:
        UsageError: the recipe or its data are wrong; nothing was started.
        TrashError: the run failed; what was finished is kept.
    """
    check_names(loaded, registry)
    if not smoke:
        return _execute(loaded, registry, project, project, progress, resume, devices)
    if resume:
        raise UsageError("--smoke keeps nothing, so there is nothing to resume")
    home = project.cache / "smoke"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=home) as folder:
        scratch = Project(Path(folder))
        return _execute(loaded, registry, project, scratch, progress, False, 1, smoke=True)


def _execute(
    loaded: LoadedRecipe,
    registry: Registry,
    project: Project,
    home: Project,
    progress: Progress,
    resume: bool,
    devices: int,
    smoke: bool = False,
) -> RunResult | None:
    """Run a recipe of `project` with the files that it makes below `home`."""
    contest = open_contest(loaded.recipe.data, project, progress)
    if in_worker():
        run = RunFolder(Path(os.environ[_RUN_VARIABLE]))
    else:
        run = _open_run(loaded, registry, project, home, contest, resume)
        os.environ[_RUN_VARIABLE] = str(run.path)
        relaunch(devices)
    progress.say(f"run {run.name}")
    with _recorded(run):
        _tell(registry, progress, "trash_run_started", run_dir=run.path,
              recipe=loaded.recipe.model_dump(mode="json"))  # fmt: skip

        def on_epoch(epoch: int, figures: dict[str, float]) -> None:
            _tell(registry, progress, "trash_epoch_finished", run_dir=run.path, epoch=epoch,
                  figures=figures)  # fmt: skip

        fitted = fit(
            loaded.recipe, registry, contest, run.path,
            cache=home.cache, progress=progress, resume=resume or in_worker(),
            pretrained=not smoke, lineage=_lineage(run), on_epoch=on_epoch,
        )  # fmt: skip
        if in_worker() and os.environ["RANK"] != "0":
            return None
        submission = None
        if contest.test is not None:
            submission = submit(
                [fitted.best], loaded.recipe, contest, registry,
                output=home.submissions / f"{run.name}.csv", cache=home.cache, progress=progress,
                project=project, overwrite=True,
            )  # fmt: skip
        result = RunResult(run, fitted, submission, kept=not smoke)
        run.update(result=result.as_json())
    _tell(registry, progress, "trash_run_finished", run_dir=run.path, result=result.as_json())
    return result


def _open_run(
    loaded: LoadedRecipe,
    registry: Registry,
    project: Project,
    home: Project,
    contest: Contest,
    resume: bool,
) -> RunFolder:
    if resume:
        run = run_to_resume(home.runs, loaded.name)
        run.update(status="running", resumed=now())
        return run
    run = new_run(home.runs, loaded.name)
    write_text_atomic(run.path / "recipe.toml", as_toml(resolved_values(loaded, registry)))
    run.write_manifest(make_manifest(loaded, registry, project, contest))
    return run


def _lineage(run: RunFolder) -> dict[str, Any]:
    manifest = run.manifest()
    kept = ("recipe", "recipe_digest", "data", "code", "plugins", "parents")
    return {"run": run.name, **{key: manifest[key] for key in kept}}


@contextmanager
def _recorded(run: RunFolder) -> Iterator[None]:
    """Keep in the manifest how the run ended."""
    try:
        yield
    except KeyboardInterrupt:
        run.update(status="interrupted", ended=now())
        raise
    except BaseException as error:
        # A full disk may refuse this too: the first error is the one to show.
        with suppress(OSError):
            run.update(status="failed", ended=now(), error=str(error))
        raise
    else:
        run.update(status="finished", ended=now())


def _tell(registry: Registry, progress: Progress, hook: str, **arguments: Any) -> None:
    for failure in registry.notify(hook, **arguments):
        progress.say(f"warning: plugin {failure.source}: {failure.message}")
