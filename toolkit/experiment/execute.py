"""Running a recipe from its data to a scored submission."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.data.contest import Contest, open_contest
from toolkit.errors import TrashError, UsageError
from toolkit.experiment.ending import recorded, recorded_by_worker, terminated_as_interrupted
from toolkit.experiment.launch import launch, run_of_worker
from toolkit.experiment.manifest import make_manifest, now
from toolkit.experiment.result import RunResult
from toolkit.experiment.run_folder import LINEAGE, RunFolder, new_run, run_to_resume
from toolkit.files import write_text_atomic
from toolkit.plugin.registry import Registry
from toolkit.predict.members import MemberChoice
from toolkit.progress import Progress, SilentProgress
from toolkit.project import Project
from toolkit.recipe.blame import placed
from toolkit.recipe.check import check_names
from toolkit.recipe.load import LoadedRecipe, load_recipe
from toolkit.recipe.problems import shown_path
from toolkit.recipe.schema import Recipe
from toolkit.recipe.show import as_toml, resolved_values
from toolkit.recipe.smoke import WORD, smoke_values
from toolkit.submission.submit import SubmissionResult, plan_submission, submit
from toolkit.train.artifacts import Artifacts
from toolkit.train.batches import device_batch_size
from toolkit.train.device import choose_device
from toolkit.train.distributed import find_world
from toolkit.train.fit import FitResult, fit


def load_for_run(
    path: Path,
    project: Project,
    set_: Sequence[str],
    unset: Sequence[str],
    *,
    smoke: bool,
    registry: Registry | None = None,
) -> LoadedRecipe:
    """Load a recipe as `recipe run` does: with overrides, and made tiny for `--smoke`."""
    loaded = load_recipe(path, project=project, registry=registry, set_=set_, unset=unset)
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

    With several devices as many new processes of this command do it; the main one of them returns
    the result, all others None. SIGTERM ends a run as Ctrl-C does.

    Raises:
        UsageError: the recipe, its data or the command are wrong.
        TrashError: the run failed; what was finished is kept.
    """
    check_names(loaded, registry)
    if smoke and (resume or devices > 1):
        raise UsageError(
            "--smoke keeps nothing and runs on one device", "Leave out --resume and --devices."
        )
    with terminated_as_interrupted():
        if not smoke:
            places = _Places(project.runs, project.submissions, project.cache, kept=True)
            job = _Job(loaded, registry, project, progress, places, resume)
            return _start(job, devices)
        home = project.cache / "smoke"
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="run-", dir=home) as name:
            folder = Path(name)
            places = _Places(folder / "runs", folder / "submissions", folder / "cache", kept=False)
            return _start(_Job(loaded, registry, project, progress, places, resume=False), 1)


@dataclass(frozen=True)
class _Places:
    """Where the files of a run go, and whether they stay there."""

    runs: Path
    submissions: Path
    cache: Path
    kept: bool


@dataclass(frozen=True)
class _Job:
    """What is to be run."""

    loaded: LoadedRecipe
    registry: Registry
    project: Project
    progress: Progress
    places: _Places
    resume: bool

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe

    def tell(self, hook: str, **arguments: Any) -> None:
        """Call a life-cycle hook of the plugins."""
        for failure in self.registry.notify(hook, **arguments):
            self.progress.say(f"warning: plugin {failure.source}: {failure.message}")


def _start(job: _Job, devices: int) -> RunResult | None:
    worker_s_run = run_of_worker()
    if worker_s_run is not None:
        return _work(job, RunFolder(worker_s_run))
    contest = open_contest(job.recipe.data, job.project, job.progress)
    _refuse_what_would_fail_later(job, contest, devices)
    run = run_to_resume(job.loaded.name, job.places.runs) if job.resume else _new_run(job, contest)
    with run.alone():
        if job.resume:
            # First of all: a refusal must not change what the manifest says of the run.
            Artifacts(run.path, job.recipe, contest, {}).read_state()
            run.update(status="running", resumed=now(), ended=None, error=None)
        return _execute(job, run, contest, devices)


def _execute(job: _Job, run: RunFolder, contest: Contest, devices: int) -> RunResult | None:
    def say_how_to_go_on() -> None:
        if job.places.kept and run.has_epochs:
            job.progress.say(f"the finished epochs are kept in {run.path}")
            words = ["recipe", "run", shown_path(job.loaded.path), *job.loaded.options]
            if devices > 1:
                words += ["--devices", str(devices)]
            job.progress.say(f"to continue: trash {shlex.join(words)} --resume")

    with recorded(run, say_how_to_go_on):
        if devices == 1:
            return _perform(job, run, contest)
        launch(devices, run.path)
        return None


def _refuse_what_would_fail_later(job: _Job, contest: Contest, devices: int) -> None:
    """Find what only shows after hours of training, before a run is made.

    Raises:
        UsageError: there are fewer devices, the batch cannot be divided among them, or the recipe's
            way to combine, postprocess or write does not fit.
    """
    choose_device(job.recipe.train.device, local_rank=devices - 1)
    device_batch_size(job.recipe.train, devices)
    if contest.test is not None:
        plan_submission(job.recipe, contest, job.registry, n_members=1)


def _new_run(job: _Job, contest: Contest) -> RunFolder:
    run = new_run(job.loaded.name, job.places.runs, job.places.submissions)
    _keep_recipe(job, run)
    run.write_manifest(make_manifest(job.loaded, job.registry, job.project, contest))
    return run


def _keep_recipe(job: _Job, run: RunFolder) -> None:
    text = as_toml(resolved_values(job.loaded, job.registry))
    write_text_atomic(run.path / "recipe.toml", text)


def _work(job: _Job, run: RunFolder) -> RunResult | None:
    """Do this process's share of a run that `launch` divided."""
    if not find_world().is_main:
        job = replace(job, progress=SilentProgress())
    with recorded_by_worker(run):
        return _perform(job, run, open_contest(job.recipe.data, job.project, job.progress))


def _perform(job: _Job, run: RunFolder, contest: Contest) -> RunResult | None:
    """Train and, in the main process, submit."""
    is_main = find_world().is_main
    job.progress.say(f"run {run.name}")
    if is_main:
        recipe = job.recipe.model_dump(mode="json")
        job.tell("trash_run_started", run_dir=run.path, recipe=recipe)

    def on_epoch(epoch: int, figures: dict[str, float]) -> None:
        job.tell("trash_epoch_finished", run_dir=run.path, epoch=epoch, figures=figures)

    try:
        fitted = fit(
            job.recipe, job.registry, contest, run.path,
            cache=job.places.cache, progress=job.progress, resume=job.resume,
            pretrained=job.places.kept,  # a trial must not wait for a download
            lineage=_lineage(run), on_epoch=on_epoch,
        )  # fmt: skip
    except TrashError as error:
        raise placed(error, job.loaded) from error.__cause__
    if not is_main:
        return None
    if job.resume:
        # Now that it was accepted: a resumed run may be longer than it was begun.
        _keep_recipe(job, run)
        run.update(recipe_digest=job.loaded.digest)
    result = RunResult(run, fitted, _submitted(job, run, contest, fitted), kept=job.places.kept)
    run.update(status="finished", ended=now(), result=result.as_json())
    job.tell("trash_run_finished", run_dir=run.path, result=result.as_json())
    return result


def _submitted(
    job: _Job, run: RunFolder, contest: Contest, fitted: FitResult
) -> SubmissionResult | None:
    if contest.test is None:
        return None
    ending = plan_submission(job.recipe, contest, job.registry, n_members=1).format.suffix
    # The views of this recipe, which may have changed since the checkpoint was saved.
    member = MemberChoice(fitted.best, job.recipe.predict.views)
    return submit(
        [member], job.recipe, contest, job.registry,
        output=job.places.submissions / f"{run.name}{ending}", cache=job.places.cache,
        progress=job.progress, project=job.project, overwrite=True,
    )  # fmt: skip


def _lineage(run: RunFolder) -> dict[str, Any]:
    manifest = run.manifest()
    return {"run": run.name, **{key: manifest[key] for key in LINEAGE}}
