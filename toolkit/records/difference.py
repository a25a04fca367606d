"""What differs between two runs: values, data, plugins, code, machine and scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.metrics.scores import metric_title
from toolkit.records.record import CodeUsed, PluginFacts, RunRecord, SplitFacts
from toolkit.records.run_listing import value_text

_DIGITS = 8
_COMMIT = 10


@dataclass(frozen=True)
class RunDifference:
    """One thing that differs; None = the run does not have it.

    Attributes:
        about: "recipe", "data", "plugins", "inputs", "code", "machine" or "scores".
        what: which of these.
        first: of the first run.
        second: of the second one.
    """

    about: str
    what: str
    first: str | None
    second: str | None


def differences(first: RunRecord, second: RunRecord) -> list[RunDifference]:
    """Return everything that differs between two runs, recipes first."""
    both = _facts(first), _facts(second)
    keys = dict.fromkeys(key for facts in both for key in facts)
    return [
        RunDifference(about, what, *values)
        for about, what in keys
        for values in [tuple(facts.get((about, what)) for facts in both)]
        if values[0] != values[1]
    ]


def leaves(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of a recipe; elements of arrays of tables have their numbers."""
    if isinstance(values, Mapping) and values:
        for key, value in values.items():
            yield from leaves(value, f"{prefix}{key}.")
    elif isinstance(values, list | tuple) and any(isinstance(each, Mapping) for each in values):
        for number, value in enumerate(values):
            yield from leaves(value, f"{prefix}{number}.")
    else:
        yield prefix.removesuffix("."), values


def _facts(record: RunRecord) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {("recipe", "file"): record.recipe}
    for key, value in leaves(record.values):
        if value is not None and value != []:
            found["recipe", key] = value_text(value)
    for split, facts in record.data.items():
        found["data", split] = split_text(facts)
    for source, plugin in record.plugins.items():
        found["plugins", source] = plugin_text(plugin)
    for name, digest in record.inputs.items():
        found["inputs", name] = digest[:_DIGITS] if len(digest) == 32 else digest
    found["code", "commit"] = commit_text(record.code)
    found["code", "trash"] = record.code.trash
    found |= {("code", name): version for name, version in record.packages.items()}
    found["code", "python"] = record.python
    found["machine", "system"] = record.machine
    found["machine", "device"] = record.device
    return found | _scores(record)


def _scores(record: RunRecord) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {("scores", "status"): record.status}
    outcome = record.outcome
    if outcome is None:
        return found
    for split in ("validation", "test"):
        for metric, score in getattr(outcome.scores, split).items():
            if score is not None:
                found["scores", f"{split} {metric_title(metric)}"] = f"{score:.4f}"
    found["scores", "best epoch"] = f"{outcome.best_epoch} of {outcome.epochs}"
    return found


def split_text(facts: SplitFacts) -> str:
    """Return the images of a split as people compare them."""
    photos = f", photos {facts.photos[:_DIGITS]}" if facts.photos else ""
    return f"{facts.images} images, annotations {facts.digest[:_DIGITS]}{photos}"


def plugin_text(plugin: PluginFacts) -> str:
    """Return the code of a plugin as people compare it."""
    return " ".join(filter(None, (plugin.version, (plugin.digest or "")[:_DIGITS])))


def commit_text(code: CodeUsed) -> str:
    """Return commit and number of changed files as people compare them."""
    if code.commit is None:
        return "none"
    changed = f" + {code.n_changed} changed" if code.n_changed else ""
    return code.commit[:_COMMIT] + changed
