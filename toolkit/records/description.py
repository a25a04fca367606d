"""All that the record of a run says, as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from toolkit.errors import UsageError
from toolkit.metrics.scores import metric_title
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.records.card import NoteRecord
from toolkit.records.catalogue import StoredRecord
from toolkit.records.difference import commit_text, plugin_text, split_text
from toolkit.records.moment import moment_text
from toolkit.records.record import Record, RunRecord, SeriesRecord
from toolkit.records.run_listing import DOUBTED, changes_of, days_since, status_of

Lines = list[tuple[str, str]]


def describe(stored: StoredRecord[Record]) -> dict[str, Lines]:
    """Return heading -> (label, text) of a run or series."""
    record = stored.record
    if record.kind == "run":
        return describe_run(StoredRecord(stored.path, record, stored.called))
    if record.kind == "series":
        return describe_series(StoredRecord(stored.path, record, stored.called))
    if record.kind == "study":
        raise UsageError(f"{stored.name} is a study", "Look at it: trash study list")
    raise UsageError(f"{stored.name} is no run")


def describe_run(stored: StoredRecord[RunRecord]) -> dict[str, Lines]:
    """Return heading -> (label, text) of everything but the single values of the recipe."""
    record = stored.record
    found = {
        "run": list(_run(stored)),
        "scores": list(_scores(record)),
        "recipe": [
            ("file", record.recipe),
            ("title", record.title),
            ("changes", "\n".join(changes_of(record))),
            ("seed", str(record.seed)),
            ("training", record.training),
        ],
        "data": [(split, split_text(facts)) for split, facts in record.data.items()],
        "plugins": [(source, plugin_text(facts)) for source, facts in record.plugins.items()],
        "inputs": [(name, digest) for name, digest in record.inputs.items()],
        "parents": [_parent(each) for each in record.parents],
        "code": [
            ("commit", commit_text(record.code)),
            ("changed", _changed(record)),
            ("trash", record.code.trash),
            ("python", record.python),
            *record.packages.items(),
        ],
    }
    filled = {heading: [line for line in lines if line[1]] for heading, lines in found.items()}
    return {heading: lines for heading, lines in filled.items() if lines}


def describe_series(stored: StoredRecord[SeriesRecord]) -> dict[str, Lines]:
    """Return heading -> (label, text) of everything that the record of a series says."""
    record, summary = stored.record, stored.record.summary
    title = metric_title(str(summary.get("metric", DEFAULT_METRIC)))
    runs = summary.get("runs")
    found = {
        "series": [
            ("record", stored.name),
            ("series", record.name),
            ("author", record.author),
            ("created", moment_text(record.created)),
            ("recipe", record.recipe),
            ("title", record.title),
            ("commit", commit_text(record.code)),
        ],
        f"scores ({title})": [
            (name, _mean_text(summary.get(name))) for name in ("validation", "test")
        ],
        "runs": [
            (str(each.get("run", "")), _run_of_series(each))
            for each in (runs if isinstance(runs, list) else ())
            if isinstance(each, dict)
        ],
    }
    return {heading: [line for line in lines if line[1]] for heading, lines in found.items()}


def describe_notes(notes: Sequence[NoteRecord]) -> dict[str, Lines]:
    """Return heading -> (who and when, text with tags) of notes; nothing without any."""
    dropped = {True: "drops it", False: "takes it up again", None: ""}
    lines = [
        (
            f"{each.author}, {moment_text(each.created)}",
            " ".join(
                filter(None, (dropped[each.dropped], each.text, *(f"#{tag}" for tag in each.tags)))
            ),
        )
        for each in notes
    ]
    return {"notes": lines} if lines else {}


def _mean_text(spread: Any) -> str:
    if not isinstance(spread, dict):
        return ""
    figures = [spread.get("mean"), spread.get("deviation")]
    known = [f"{each:.4f}" for each in figures if isinstance(each, float) and each == each]
    return " ± ".join(known)


def _run_of_series(run: dict[str, Any]) -> str:
    fold = "" if run.get("fold") is None else f", fold {run['fold']}"
    scores = [
        f", {name} {run[name]:.4f}"
        for name in ("validation", "test")
        if isinstance(run.get(name), float)
    ]
    return f"seed {run.get('seed')}{fold}{''.join(scores)} ({run.get('record') or 'no record'})"


def _run(stored: StoredRecord[RunRecord]) -> Iterator[tuple[str, str]]:
    record = stored.record
    yield "record", stored.name
    yield "run", f"runs/{record.name} on the machine of {record.author}"
    yield "author", record.author
    yield "status", _status(stored)
    yield "error", record.error or ""
    yield "started", moment_text(record.started)
    yield "ended", moment_text(record.ended or "")
    if record.outcome is not None:
        outcome = record.outcome
        yield "epochs", f"{outcome.epochs}, the best is {outcome.best_epoch}"
        if outcome.seconds is not None:
            yield "seconds", f"{outcome.seconds:.1f} in all epochs"
    yield "machine", f"{record.machine}, {record.device}"
    yield "reproduces", record.reproduces or ""


def _status(stored: StoredRecord[RunRecord]) -> str:
    status = status_of(stored)
    if status != DOUBTED:
        return status
    since = days_since(stored.record.started)
    days = "" if since is None else f" since {since} days"
    return f"{status}{days}: it may have died, or its end is not committed"


def _scores(record: RunRecord) -> Iterator[tuple[str, str]]:
    if record.outcome is None:
        return
    scores = record.outcome.scores
    for split, by_metric in (("validation", scores.validation), ("test", scores.test)):
        ordered = sorted(by_metric, key=lambda name: name != scores.metric)
        known = [(name, by_metric[name]) for name in ordered]
        shown = [f"{metric_title(name)} {score:.4f}" for name, score in known if score is not None]
        yield split, ", ".join(shown)


def _changed(record: RunRecord) -> str:
    code = record.code
    more = (code.n_changed or 0) - len(code.changed)
    return "\n".join([*code.changed, *([f"and {more} more"] if more else [])])


def _parent(parent: dict[str, Any]) -> tuple[str, str]:
    origin = parent.get("checkpoint") or ", ".join(map(str, parent.get("teachers") or ()))
    digest = str(parent.get("digest") or parent.get("key") or "")
    return str(parent.get("kind", "")), f"{origin} {digest}".strip()
