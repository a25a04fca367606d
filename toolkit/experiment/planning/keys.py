"""Keys of stages: digests of everything that decides their results, known before they run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from toolkit.data.content_digests import content_digest, folder_digest
from toolkit.data.split import Split
from toolkit.errors import TrashError
from toolkit.experiment.planning.plan import PlannedMember, Training
from toolkit.files import digest_of
from toolkit.packages import OF_WEIGHTS, package_versions
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.parameters import Parameters, nested_specs, validate
from toolkit.plugin.registry import BUILTIN, Entry, Registry
from toolkit.plugin.source import source_digest
from toolkit.predict.member import stored_recipe
from toolkit.predict.views import parse_views
from toolkit.project import Project
from toolkit.recipe.components import component_specs
from toolkit.recipe.effect import Changed
from toolkit.recipe.schema import Predict, Recipe
from toolkit.recipe.schema_keys import SCHEMA_KEYS, changes
from toolkit.train.checkpoint import load_checkpoint
from toolkit.workspace import Workspace

LABELLING = 2
"""Part of the key of every pseudo-label set: raise it when the same inputs give other labels."""

_WEIGHTS = "weights"
"""Parameter of a network that names a file, "none", or weights that come with a package."""

Named = tuple[str, ComponentSpec]
"""Kind of a component, and how a recipe names it."""


def training_files(workspace: Workspace, recipe: Recipe) -> dict[str, str]:
    """Return what a training reads beside its data: name -> digest of the content, or the versions.

    Files and folders that parameters of components name, the object bank and the file of weights
    that the recipe names, and the packages that pretrained weights come from.

    Raises:
        UsageError: a file cannot be read.
    """
    project = workspace.project
    specs = _named(recipe, "training")
    found = _files(workspace, specs)
    if recipe.objects.bank is not None:
        bank = project.path(recipe.objects.bank)
        if bank.is_dir():
            found[f"content of {recipe.objects.bank}"] = folder_digest(bank, project.cache)
    weights = recipe.data.sampling.file if recipe.data.sampling else None
    if weights is not None:
        found["content of the weights of images"] = content_digest(
            project.path(weights), project.cache
        )
    if any(_is_packaged(values, project) for _, values in _entries(specs, workspace.registry)):
        versions = package_versions(OF_WEIGHTS)
        found["packages of the weights"] = ", ".join(f"{k} {v}" for k, v in versions.items())
    return found


def used_plugins(recipe: Recipe, registry: Registry) -> dict[str, str]:
    """Return the digest of the code of each plugin, not built in, that takes part in a training."""
    return _plugins(_named(recipe, "training"), registry)


def _named(recipe: Recipe, what: Changed) -> list[Named]:
    """Return the components of a recipe that change something first."""
    return [(kind, spec) for path, kind, spec in component_specs(recipe) if changes(path, what)]


def plugins_of(recipe: Recipe, registry: Registry) -> dict[str, dict[str, str | None]]:
    """Return version and digest of each plugin that a component of a recipe comes from."""
    specs = [(kind, spec) for _, kind, spec in component_specs(recipe)]
    return {
        source: {"version": entries[0].version, "digest": source_digest(*entries)}
        for source, entries in _by_source(specs, registry).items()
    }


def _plugins(specs: Sequence[Named], registry: Registry) -> dict[str, str]:
    return {
        source: " ".join(filter(None, (source_digest(*entries), entries[0].version)))
        for source, entries in _by_source(specs, registry).items()
    }


def _by_source(specs: Sequence[Named], registry: Registry) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry, _ in _entries(specs, registry):
        if entry.source != BUILTIN:
            found.setdefault(entry.source, []).append(entry)
    return dict(sorted(found.items()))


def _entries(
    specs: Iterable[Named], registry: Registry
) -> Iterator[tuple[Entry, Parameters | None]]:
    """Yield the components with their parameters, and those that their parameters name."""
    for kind, spec in specs:
        entry = registry.find(kind, spec.name)
        values = None
        nested: list[Named] = []
        with suppress(TrashError):  # building it says why
            model = registry.parameters(entry)
            values, _ = validate(model, spec.parameters)
            if values is not None:
                nested = [(kind, spec) for _, kind, spec in nested_specs(model, values)]
        yield entry, values
        yield from _entries(nested, registry)


def _files(workspace: Workspace, specs: Sequence[Named]) -> dict[str, str]:
    """Return the digests of the files and folders that parameters of components name."""
    found: dict[str, str] = {}
    for _, values in _entries(specs, workspace.registry):
        for text in _texts(dict(values) if values is not None else {}):
            digest = _content(text, workspace.project)
            if digest is not None:
                found[f"content of {text}"] = digest
    return found


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str | Path):
        yield str(value)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _content(text: str, project: Project) -> str | None:
    """Return the digest of what a text of a recipe names on disk, None when it names nothing."""
    path = project.path(text)
    try:
        if path.is_file():
            return content_digest(path, project.cache)
        # A word such as "data" is hardly a folder, and a separator such as "/" never is.
        if re.search(r"\w/\w", text) and path.is_dir() and not _is_around(path, project.root):
            return folder_digest(path, project.cache)
    except (OSError, ValueError):  # too long, or not a name at all
        pass
    return None


def _is_around(folder: Path, inner: Path) -> bool:
    return inner.resolve().is_relative_to(folder.resolve())


def _is_packaged(values: Parameters | None, project: Project) -> bool:
    weights = getattr(values, _WEIGHTS, None)
    return isinstance(weights, str) and weights != "none" and _content(weights, project) is None


def labelling_key(
    workspace: Workspace,
    recipe: Recipe,
    unlabelled: Split,
    teachers: Sequence[PlannedMember],
    file: Path | None,
) -> str:
    """Return the digest of all that decides a pseudo-label set of a recipe that has `pseudo`."""
    pseudo = recipe.pseudo
    assert pseudo is not None
    specs = _named(recipe, "pseudo-labels")
    if pseudo.as_submitted:
        specs.append(("submission_format", recipe.submission))
    labels = None
    if file is not None:
        labels = [content_digest(file, workspace.project.cache), recipe.submission.model_dump()]
    content: dict[str, Any] = {
        "procedure": LABELLING,
        "images": [unlabelled.digest, *unlabelled.file_names],
        "photos": digest_of(*unlabelled.pictures),
        "classes": unlabelled.labels.class_names,
        "ignore_index": recipe.data.ignore_index,
        "teachers": [_network_key(workspace, each) for each in teachers],
        "file": labels,
        "how": [[kind, spec.model_dump(mode="json")] for kind, spec in specs],
        "files": _files(workspace, specs),
        "soft": pseudo.soft,
        "plugins": _plugins(specs, workspace.registry),
    }
    # Only where it is another than the default: sets of before it was counted are found again.
    if file is None and recipe.predict.store != Predict().store:
        content["store"] = recipe.predict.store
    return digest_of(json.dumps(content, sort_keys=True))


def result_key(workspace: Workspace, training: Training) -> str:
    """Return the digest of all that decides what a run scores: its training and its submission."""
    recipe, contest = training.recipe, training.contest
    specs = _named(recipe, "submission")
    values = recipe.model_dump(mode="json")
    tables = {key.path[0] for key in SCHEMA_KEYS if key.kind and changes(key.path, "submission")}
    content: dict[str, Any] = {
        "network": _network_key(workspace, PlannedMember(training)),
        "members": [_network_key(workspace, each) for each in training.members],
        "store": recipe.predict.store,
        "how": {name: values[name] for name in tables},
        "files": _files(workspace, specs),
        "plugins": _plugins(specs, workspace.registry),
        "test": contest.test and [contest.test.digest, digest_of(*contest.test.pictures)],
        "truth": contest.truth and contest.truth.digest,
    }
    return digest_of(json.dumps(content, sort_keys=True))


def _network_key(workspace: Workspace, source: PlannedMember) -> list[str]:
    """Return what decides the maps of a network: its weights, its views, and their code."""
    network = source.network
    if isinstance(network, Training):
        key, recipe, code = network.key, network.recipe, ""  # the key holds the code
    else:
        key = content_digest(network, workspace.project.cache, what="checkpoint")
        recipe = stored_recipe(network, load_checkpoint(network))
        code = json.dumps(_plugins([("model", recipe.model)], workspace.registry))
    views = parse_views(
        recipe.predict.views if source.views is None else source.views, workspace.registry
    )
    return [key, views.text, views.digest, code]
