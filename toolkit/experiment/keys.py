"""Digests of what decides a stage, known before anything is run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from toolkit.data.contest import Split
from toolkit.errors import TrashError
from toolkit.experiment.plan import Source, Training
from toolkit.files import digest_of, file_digest
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import BUILTIN
from toolkit.plugin.parameters import nested_specs, validate
from toolkit.plugin.registry import Entry, Registry
from toolkit.plugin.source import source_digest
from toolkit.project import Project
from toolkit.recipe.components import component_specs
from toolkit.recipe.schema import Pseudo, Recipe
from toolkit.train.checkpoint import checkpoint_digest

LABELLING = 2
"""Part of the key of every pseudo-label set: raise it when the same inputs give other labels."""

_TRAINED = ("model", "loss", "auxiliary", "optimizer", "scheduler", "augment")
"""Tables of the recipe whose components take part in a training."""


def used_plugins(recipe: Recipe, registry: Registry) -> dict[str, str]:
    """Return the digest of the code of each plugin that takes part in a training, built-ins apart."""
    specs = [
        (kind, spec)
        for path, kind, spec in component_specs(recipe)
        if path[0] in _TRAINED or path[:2] == ("pseudo", "augment")
    ]
    return _plugins(specs, registry)


def _plugins(specs: Sequence[tuple[str, ComponentSpec]], registry: Registry) -> dict[str, str]:
    found: dict[str, list[Entry]] = {}
    for kind, spec in specs:
        for entry in _entries(kind, spec, registry):
            if entry.source != BUILTIN:
                found.setdefault(entry.source, []).append(entry)
    return {source: source_digest(*entries) for source, entries in sorted(found.items())}


def _entries(kind: str, spec: ComponentSpec, registry: Registry) -> Iterator[Entry]:
    """Yield the component and those that its parameters name."""
    entry = registry.find(kind, spec.name)
    yield entry
    try:
        model = registry.parameters(entry)
    except TrashError:  # building it says why
        return
    values, _ = validate(model, spec.parameters)
    if values is not None:
        for _, nested_kind, nested in nested_specs(model, values):
            yield from _entries(nested_kind, nested, registry)


def labelling_key(
    pseudo: Pseudo,
    recipe: Recipe,
    unlabelled: Split,
    teachers: Sequence[Source],
    file: Path | None,
    registry: Registry,
    project: Project,
) -> str:
    """Return the digest of all that decides a pseudo-label set."""
    specs = [("ensembler", pseudo.ensemble)]
    specs += [("postprocessor", spec) for spec in pseudo.postprocess]
    specs += [("selector", spec) for spec in pseudo.select]
    content: dict[str, Any] = {
        "procedure": LABELLING,
        "images": [unlabelled.digest, *unlabelled.file_names],
        "classes": unlabelled.labels.class_names,
        "ignore_index": recipe.data.ignore_index,
        "teachers": [[_network_key(each), each.views] for each in teachers],
        "file": None if file is None else [file_digest(file), recipe.submission.model_dump()],
        "how": [[kind, spec.model_dump(mode="json")] for kind, spec in specs],
        "lists": [_named_files(spec, project) for spec in pseudo.select],
        "soft": pseudo.soft,
        "plugins": _plugins(specs, registry),
    }
    return digest_of(json.dumps(content, sort_keys=True))


def _network_key(source: Source) -> list[str]:
    network = source.network
    if isinstance(network, Training):
        views = network.recipe.predict.views if source.views is None else ""
        return [network.key, views]
    return [checkpoint_digest(network)]


def _named_files(spec: ComponentSpec, project: Project) -> list[str]:
    """Return the digests of the files that a selector reads, such as a hand-made list."""
    texts = [value for value in spec.parameters.values() if isinstance(value, str)]
    paths = [project.path(text) for text in texts]
    return [file_digest(path) for path in paths if path.is_file()]
