"""The record of a run, made from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from toolkit.errors import UsageError
from toolkit.file_schema import problems_in
from toolkit.metrics.scores import stored_score
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.records.record import (
    MOST_CHANGED,
    CodeUsed,
    PluginFacts,
    RunOutcome,
    RunRecord,
    ScoresByMetric,
    SplitFacts,
)


def run_record(name: str, manifest: Mapping[str, Any]) -> RunRecord:
    """Return what the team is told of a run.

    Args:
        name: of its folder.
        manifest: of the run, see `toolkit.experiment.execution.manifest`.

    Raises:
        UsageError: somebody has changed the manifest, and a value is wrong or missing.
    """
    try:
        return _run_record(name, manifest)
    except KeyError as error:
        raise UsageError(f"broken manifest of the run {name}: it lacks {error.args[0]}") from None
    except ValidationError as error:
        raise UsageError(f"broken manifest of the run {name}: {problems_in(error)}") from None


def _run_record(name: str, manifest: Mapping[str, Any]) -> RunRecord:
    result = manifest.get("result")
    return RunRecord(
        author=manifest["author"],
        name=name,
        recipe=manifest["recipe"],
        title=manifest["values"].get("title", ""),
        options=tuple(manifest["options"]),
        own=manifest["own"],
        values=manifest["values"],
        seed=manifest["seed"],
        training=manifest["training"],
        result_key=manifest["result_key"],
        started=manifest["started"],
        code=_code_used(manifest),
        packages=manifest.get("packages", {}),
        python=manifest.get("python", ""),
        machine=manifest.get("machine", ""),
        device=manifest["device"],
        data={split: SplitFacts(**facts) for split, facts in manifest["data"].items()},
        plugins={source: PluginFacts(**facts) for source, facts in manifest["plugins"].items()},
        inputs=manifest["given"]["keys"],
        parents=tuple(manifest["parents"]),
        status=manifest["status"],
        ended=manifest.get("ended"),
        error=manifest.get("error"),
        # That of the epochs before stays in the manifest while a finished run is trained longer.
        outcome=outcome_of(result) if result and manifest["status"] == "finished" else None,
        reproduces=manifest.get("reproduces"),
    )


def _code_used(manifest: Mapping[str, Any]) -> CodeUsed:
    code = manifest["code"]
    git = code["git"] or {}
    return CodeUsed(
        trash=code["trash"],
        commit=git.get("commit"),
        changed=tuple(manifest.get("changed_files", ()))[:MOST_CHANGED],
        n_changed=manifest.get("n_changed"),
    )


def outcome_of(result: Mapping[str, Any]) -> RunOutcome:
    """Return how a finished run ended, from what its manifest says of its result."""
    best = result["scores"]
    submission = result.get("submission") or {}
    tested = submission.get("score")
    metric = best.get("metric", DEFAULT_METRIC)
    validation = dict(best.get("val_metrics") or {})
    if best["val_miou"] is not None:  # of before recipes could name a metric
        validation.setdefault(DEFAULT_METRIC, best["val_miou"])
    test = {**tested["metrics"], metric: stored_score(tested, metric)} if tested else {}
    return RunOutcome(
        scores=ScoresByMetric(metric, result.get("larger_is_better", True), validation, test),
        best_epoch=result["best_epoch"],
        epochs=result["epochs"],
        seconds=result.get("seconds"),
        submission=submission.get("digest"),
    )
