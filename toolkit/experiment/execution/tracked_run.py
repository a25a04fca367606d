"""What the trackers of a run are told beside its training: what runs, its images, its scores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from toolkit.data.contest import Contest
from toolkit.errors import TrashError, in_words
from toolkit.experiment.execution.pages import PageWriters
from toolkit.experiment.run_folder import RunFolder
from toolkit.experiment.run_record import outcome_of
from toolkit.plugin.tracker import TrackedRun
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.show import resolved_values
from toolkit.train.tracking import Tracking
from toolkit.workspace import Workspace


def tracking_of(workspace: Workspace, loaded: LoadedRecipe, run: RunFolder) -> Tracking:
    """Return the trackers of a run, not yet opened.

    Args:
        workspace: the project, its components, and who is told what happens.
        loaded: the recipe, with its values for this run.
        run: the run; its manifest is there.
    """
    manifest = run.manifest()
    record = manifest.get("record", run.name).rpartition("/")[2]
    facts = TrackedRun(
        name=run.name,
        # The digits that make it unique stand at the end.
        id=re.sub("[^A-Za-z0-9_-]", "-", record)[-_LONGEST_ID:],
        project=workspace.project.root.resolve().name,
        group=run.name.rpartition("-")[0],
        title=loaded.recipe.title,
        author=manifest.get("author", ""),
        folder=run.path,
        recipe=resolved_values(loaded, workspace.registry),
    )
    return Tracking(loaded.recipe.trackers, workspace.registry, facts, workspace.progress)


_LONGEST_ID = 100


def end_scores(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores of a finished run: "validation/…" and "test/…" with a metric's name.

    Args:
        result: as the manifest holds it.
    """
    outcome = outcome_of(result)
    by_split = {"validation": outcome.scores.validation, "test": outcome.scores.test}
    scores = {
        f"{split}/{metric}": score
        for split, by_metric in by_split.items()
        for metric, score in by_metric.items()
        if score is not None
    }
    return {**scores, "best_epoch": outcome.best_epoch}


def track_worst_images(
    tracking: Tracking,
    pages: PageWriters | None,
    workspace: Workspace,
    run: RunFolder,
    contest: Contest,
) -> None:
    """Give trackers the worst images; what goes wrong is told and ends nothing: the run is done."""
    if pages is None:
        return
    make = pages.worst_images
    try:
        tracking.log_images(lambda: make(workspace, run, contest))
    except Exception as error:  # a plugin's metric may fail in any way
        why = error.message if isinstance(error, TrashError) else in_words(error)
        workspace.progress.say(f"warning: trackers get no pictures of {run.name}: {why}")
