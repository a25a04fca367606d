"""Running again what the record of a run tells, and saying what is not as it was then."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit import __version__
from toolkit.errors import UsageError
from toolkit.experiment.execution.launch import launched_run_dir
from toolkit.experiment.execution.manifest import data_of
from toolkit.experiment.find import finished_run
from toolkit.experiment.planning.keys import plugins_of, result_key, used_plugins
from toolkit.experiment.planning.plan import Training
from toolkit.experiment.planning.planner import make_plan
from toolkit.experiment.recorded_runs import StoredRun, find_run
from toolkit.experiment.run_folder import RunFolder
from toolkit.packages import package_versions
from toolkit.recipe.data_folder import with_data_root
from toolkit.recipe.find import find_recipe
from toolkit.recipe.layers import Layers
from toolkit.recipe.load import LoadedRecipe, load_recipe, validated_recipe
from toolkit.recipe.problems import Origin, dotted
from toolkit.records.difference import commit_text, plugin_text, split_text
from toolkit.records.record import PluginFacts, RunRecord, SplitFacts
from toolkit.submission.team_record import code_used
from toolkit.wording import some_of
from toolkit.workspace import Workspace

_SHOWN_FILES = 5


@dataclass(frozen=True)
class Reproduction:
    """A run that is to be done again as its record tells.

    Attributes:
        finished: a run here that has done it; None = it is to be trained.
        warnings: what differs without making it another training.
    """

    finished: RunFolder | None = None
    warnings: tuple[str, ...] = ()


def load_from_record(
    workspace: Workspace, stored: StoredRun, data: Path | None = None
) -> LoadedRecipe:
    """Load the recipe of a run from its record, whatever its file says today.

    Args:
        workspace: the project, its components, and who is told what happens.
        stored: the record.
        data: the folder of the data on this machine; None = as in the record.

    Raises:
        UsageError: a plugin that it needs is not here.
        RecipeError: its values are none for this version of the toolkit.
    """
    record, project = stored.record, workspace.project
    _require_plugins(workspace, record)
    path = project.root / record.recipe
    layers = Layers(files=frozenset({path}))

    def origin_of(key: Sequence[str | int]) -> Origin:
        return Origin(path if dotted(key) in record.own else stored.path)

    layers.merge(record.values, origin_of)
    elsewhere = with_data_root((), data, project)
    for text in elsewhere:
        layers.set(text)
    recipe = validated_recipe(layers, stored.path, workspace.registry)
    moved = [word for text in elsewhere for word in ("--set", text)]
    again = ["--from", stored.name] + ([] if data is None else ["--data", str(data)])
    return LoadedRecipe(
        path, recipe, layers, (*record.options, *moved), record=stored.name, again=tuple(again)
    )


def load_recipe_or_run(workspace: Workspace, text: str, data: Path | None = None) -> LoadedRecipe:
    """Load what a person names: a recipe, or else a run of the team, as its record tells.

    Args:
        workspace: the project, its components, and who is told what happens.
        text: file or name of the recipe, or name or record of the run.
        data: the folder of the data on this machine; None = as written.

    Raises:
        UsageError: there is neither, with the nearest recipe.
        RecipeError: the recipe has mistakes.
    """
    project = workspace.project
    try:
        path = find_recipe(Path(text), project)
    except UsageError as no_recipe:
        try:
            stored = find_run(text, project)
        except UsageError:
            raise no_recipe from None
        return load_from_record(workspace, stored, data)
    set_ = with_data_root((), data, project)
    return load_recipe(path, project=project, registry=workspace.registry, set_=set_)


def check_reproduction(
    workspace: Workspace, loaded: LoadedRecipe, stored: StoredRun
) -> Reproduction:
    """Compare what a run depends on with what is here, before anything is trained.

    Raises:
        UsageError: it would be another training; names everything that differs and what to do.
        TrashError: its data cannot be opened.
    """
    if launched_run_dir() is not None:  # one of several devices: the command has looked before
        return Reproduction()
    record = stored.record
    final = make_plan(workspace.silent, loaded).final
    if final.key != record.training:
        raise _another_training(workspace, final, stored)
    finished = finished_run(final.key, workspace.project.runs)
    return Reproduction(finished, tuple(_warnings(workspace, final, record)))


def _require_plugins(workspace: Workspace, record: RunRecord) -> None:
    known = {entry.source for entry in workspace.registry.entries()}
    missing = [source for source in record.plugins if source not in known]
    if missing:
        broken = {failure.source: failure.message for failure in workspace.registry.failures}
        told = [f"{name} ({broken[name]})" if name in broken else name for name in missing]
        raise UsageError(
            f"the run needs plugins that are not here: {', '.join(told)}",
            "\n".join(_where_to_get(name, record) for name in missing),
        )


def _where_to_get(name: str, record: RunRecord) -> str:
    """Return how to get a plugin as it was: of the project, or an installed package."""
    code, version = record.code, record.plugins[name].version
    if version is not None:
        return f"Install the plugin {name} {version}."
    what = f"plugins/{name}"
    if any(f"/{what}." in f"/{file}" or f"/{what}/" in f"/{file}" for file in code.changed):
        return f"{what} was not committed as it was then: ask {record.author} for it."
    if code.commit is None:
        return f"Ask {record.author} for {what}."
    return f"Get it as it was: git pull; git checkout {code.commit[:10]} -- {what}.py"


def _another_training(workspace: Workspace, final: Training, stored: StoredRun) -> UsageError:
    record = stored.record
    used = used_plugins(final.recipe, workspace.registry)
    found = [*_data(final, record, ("train", "val")), *_inputs(final, record)]
    hints = []
    if found:
        hints.append(
            f"Get the files that {record.author} has; --data DIR names the folder of the data."
        )
    for source, told in _plugins(workspace, final, record).items():
        if source in used:
            found.append(told)
            hints += [_where_to_get(source, record)] if source in record.plugins else []
    if not found:
        found = [f"trash: {record.code.trash} then, {__version__} here, which trains otherwise"]
        hints = ["Install that version of trash."]
    lines = "\n".join(f"  {each}" for each in found)
    hints.append(
        f"Or run its recipe as it is here: trash run show {stored.name} --recipe > "
        "recipes/NAME.toml; trash recipe run NAME"
    )
    return UsageError(
        f"this would be another training than {stored.name}:\n{lines}", "\n".join(hints)
    )


def _warnings(workspace: Workspace, final: Training, record: RunRecord) -> Iterator[str]:
    if result_key(workspace, final) != record.result_key:
        differing = [*_data(final, record, ("test",))]
        differing += _plugins(workspace, final, record).values()
        why = "; ".join(differing) or "members, truth or files of the submission differ"
        yield f"the network is the same, its submission is not: {why}"
    here = code_used(workspace.project)
    if here.commit != record.code.commit:
        then, now = record.code.commit or "none", here.commit or "none"
        yield f"commit: {then[:10]} then, {now[:10]} here"
    if record.code.n_changed:
        files = some_of(record.code.changed[:_SHOWN_FILES])
        yield f"files were not committed as they were then: {files} ({commit_text(record.code)})"
    versions = {"trash": (record.code.trash, __version__)}
    packages = package_versions()
    versions |= {name: (then, packages.get(name, "-")) for name, then in record.packages.items()}
    versions["machine"] = (record.machine, f"{platform.system()} {platform.machine()}")
    for name, (then, now) in versions.items():
        if then != now:
            yield f"{name}: {then} then, {now} here: scores may differ in their last digits"


def _data(final: Training, record: RunRecord, splits: Sequence[str]) -> Iterator[str]:
    here = {name: SplitFacts(**facts) for name, facts in data_of(final.contest).items()}
    for split in splits:
        then, now = record.data.get(split), here.get(split)
        if then != now:
            texts = [split_text(facts) if facts else "none" for facts in (then, now)]
            yield f"data, {split}: {texts[0]} then, {texts[1]} here"


def _inputs(final: Training, record: RunRecord) -> Iterator[str]:
    for name, (then, now) in _changed(record.inputs, final.keys).items():
        what = f"{name}: {(then or 'none')[:60]} then, {(now or 'none')[:60]} here"
        is_stage = name in ("pseudo-labels", "start")
        yield what + (", by another recipe, data or plugin of that stage" if is_stage else "")


def _plugins(workspace: Workspace, final: Training, record: RunRecord) -> dict[str, str]:
    """Return source -> what differs of each plugin that is another one here."""
    here = plugins_of(final.recipe, workspace.registry)
    now = {source: plugin_text(PluginFacts(**facts)) for source, facts in here.items()}
    then = {source: plugin_text(facts) for source, facts in record.plugins.items()}
    return {
        source: f"plugin {source}: {was or 'none'} then, {is_ or 'none'} here"
        for source, (was, is_) in _changed(then, now).items()
    }


def _changed(
    then: Mapping[str, str], now: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    return {
        key: (then.get(key), now.get(key))
        for key in dict.fromkeys((*then, *now))
        if then.get(key) != now.get(key)
    }
