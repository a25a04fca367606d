"""Looking components up and building them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.errors import TrashError, UsageError, in_words, raised_at
from toolkit.plugin.component import N_RGB, Component, ComponentSpec, Package
from toolkit.plugin.interfaces import Context
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.parameters import (
    ParameterProblem,
    Parameters,
    nested_specs,
    parameter_model,
    validate,
)
from toolkit.suggestions import nearest
from toolkit.wording import counted

BUILTIN = "builtin"
"""Source of the components that trash itself brings."""


@dataclass(frozen=True)
class Entry:
    """A component and where it comes from.

    Attributes:
        kind: name of its kind.
        component: the record.
        source: BUILTIN, the stem of a file in plugins/, or the name of an installed package.
        version: version of the installed package, else None.
    """

    kind: str
    component: Component
    source: str
    version: str | None = None

    @property
    def name(self) -> str:
        """The component's name."""
        return self.component.name

    @property
    def file(self) -> Path | None:
        """File that defines the factory."""
        try:
            return Path(inspect.getfile(inspect.unwrap(self.component.factory)))
        except (TypeError, OSError):  # an object that is called, a class made on the fly
            return None

    @property
    def line(self) -> int | None:
        """Line of the factory's definition."""
        try:
            return inspect.getsourcelines(inspect.unwrap(self.component.factory))[1]
        except (TypeError, OSError):
            return None


@dataclass(frozen=True)
class PluginFailure:
    """A plugin that could not be used, and why."""

    source: str
    file: Path | None
    message: str

    @property
    def reason(self) -> str:
        """The message and the file that it is about."""
        return f"{self.message} ({self.file})" if self.file else self.message


class NeedsRgb(UsageError):
    """A component that works on RGB photos alone is to be built for others."""


class MissingPackage(UsageError):
    """A component needs a package that is not installed, or cannot be imported.

    Attributes:
        module: what would be imported of it.
    """

    def __init__(self, message: str, hint: str, module: str) -> None:
        super().__init__(message, hint)
        self.module = module


Notify = Callable[..., list[PluginFailure]]


class Registry:
    """All components of the built-ins, the project and the installed packages."""

    def __init__(
        self,
        entries: Iterable[Entry],
        failures: Iterable[PluginFailure] = (),
        notify: Notify = lambda hook, **arguments: [],
        *,
        plugins_off: bool = False,
    ) -> None:
        self._entries = tuple(entries)
        self.failures = tuple(failures)
        self._notify = notify
        self._plugins_off = plugins_off
        # By identity: a factory may be an object that cannot be hashed.
        self._models: dict[tuple[int, str], type[Parameters]] = {}

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """Return the components, in the order of registration."""
        return tuple(entry for entry in self._entries if kind in (None, entry.kind))

    def find(self, kind: str, name: str) -> Entry:
        """Return the component called `name` (or `source:name`, or an alias).

        Raises:
            UsageError: no such component, or several with that name.
        """
        source, _, plain = name.rpartition(":")
        matches = [
            entry
            for entry in self.entries(kind)
            if plain in (entry.name, *entry.component.aliases) and source in ("", entry.source)
        ]
        if not matches:
            raise UsageError(f"no {kind} is called {name}", self._unknown_hint(kind, name))
        if len(matches) > 1:
            sources = [f"{entry.source}:{entry.name} ({entry.file})" for entry in matches]
            raise UsageError(
                f"{len(matches)} plugins offer a {kind} called {name}: {', '.join(sources)}",
                f"Write {matches[-1].source}:{plain} to choose one.",
            )
        return matches[0]

    def canonical(self, kind: str, spec: ComponentSpec) -> ComponentSpec:
        """Return a component as it is always called, however it was written.

        Without an alias, without parameters that have their defaults, and without its source unless
        it is a plugin's and another component has its name.

        Raises:
            UsageError: no such component, or several with that name.
        """
        entry = self.find(kind, spec.name)
        others = [
            other
            for other in self.entries(kind)
            if other is not entry and entry.name in (other.name, *other.component.aliases)
        ]
        is_plain = entry.source == BUILTIN or not others
        name = entry.name if is_plain else f"{entry.source}:{entry.name}"
        values, _ = validate(self.parameters(entry), spec.parameters)
        if values is None:  # building it says what is wrong
            return ComponentSpec(name=name, **spec.parameters)
        return ComponentSpec(name=name, **values.model_dump(mode="json", exclude_defaults=True))

    def _unknown_hint(self, kind: str, name: str) -> str:
        hints = []
        plain = name.rpartition(":")[2]
        choices = {
            choice: entry
            for entry in self.entries(kind)
            for choice in (entry.name, *entry.component.aliases)
        }
        near = nearest(plain, choices)
        if near is not None:
            prefix = f"{choices[near].source}:" if ":" in name else ""
            hints.append(f"Did you mean {prefix}{near}?")
        elsewhere = [e.kind for e in self._entries if e.name == plain and e.kind != kind]
        if elsewhere:
            hints.append(f"There is a component of that name, but it is for {elsewhere[0]}.")
        for failure in self.failures:
            hints.append(f"Plugin {failure.source} could not be loaded: {failure.reason}")
        if self._plugins_off:
            hints.append("Plugins are switched off (--no-plugins, TRASH_PLUGINS=0).")
        if near is None:
            hints.append(f"List them: trash plugin list --kind {kind}")
        return "\n".join(hints)

    def parameters(self, entry: Entry) -> type[Parameters]:
        """Return the model of the component's recipe table (without `name`).

        Raises:
            TrashError: the factory's signature cannot be a recipe table.
        """
        factory, kind = entry.component.factory, KINDS[entry.kind]
        key = id(factory), kind.name
        if key not in self._models:
            self._models[key] = parameter_model(factory, kind.common, 1 + len(kind.inputs))
        return self._models[key]

    def problems(self, kind: str, spec: ComponentSpec) -> list[ParameterProblem]:
        """Return everything wrong with a component's table: name, parameters, nested components."""
        try:
            entry = self.find(kind, spec.name)
            model = self.parameters(entry)
        except TrashError as error:
            return [ParameterProblem(("name",), error.message, error.hint)]
        values, found = validate(model, spec.parameters)
        if values is None:
            return found
        for path, nested_kind, nested in nested_specs(model, values):
            for problem in self.problems(nested_kind, nested):
                found.append(replace(problem, path=path + problem.path))
        return found

    def build(self, kind: str, spec: ComponentSpec, context: Context, *inputs: Any) -> Any:
        """Make the component that `spec` names: `factory(context, *inputs, **parameters)`.

        Raises:
            UsageError: unknown name or wrong parameters.
            NeedsRgb: `context.channels` are not those of RGB, which it needs.
            MissingPackage: as `require_package`.
            TrashError: the factory refused them, or failed.
        """
        entry = self.find(kind, spec.name)
        values, found = validate(self.parameters(entry), spec.parameters)
        if values is None:
            lines = [
                f"{'.'.join(map(str, problem.path))}: {problem.message}. {problem.hint}".rstrip(
                    ". "
                )
                for problem in found
            ]
            raise UsageError(f"{kind} {spec.name}: " + "; ".join(lines))
        self.require_package(kind, spec)
        if entry.component.needs_rgb and context.channels != N_RGB:
            photos = counted(context.channels, "channel", "channels")
            raise NeedsRgb(
                f"{kind} {spec.name} needs RGB photos, these have {photos}", "Leave it out."
            )
        arguments = {
            name: getattr(values, name)
            for name in type(values).model_fields
            if name not in KINDS[kind].common
        }
        try:
            made = entry.component.factory(self.bind(context), *inputs, **arguments)
        except TrashError:
            raise
        except (Exception, SystemExit) as error:
            raise TrashError(
                f"{kind} {spec.name} could not be made: {in_words(error)}{raised_at(error)}"
            ) from error
        if made is None:
            raise TrashError(f"{kind} {spec.name} could not be made: its factory returned nothing")
        return made

    def require_package(self, kind: str, spec: ComponentSpec) -> None:
        """Import the package that a component cannot do without, if it names one.

        Raises:
            MissingPackage: it is not installed, or broken; the hint says what to install.
            UsageError: no such component.
        """
        entry = self.find(kind, spec.name)
        package = entry.component.package
        if package is None:
            return
        install = f'pip install "{package.requirement}"'
        try:
            module = importlib.import_module(package.module)
        except ModuleNotFoundError as error:
            if error.name != package.module:
                raise _broken_package(entry, package, error, install) from error
            module = None
        except Exception as error:  # a package may fail in any way, in its own code or another's
            raise _broken_package(entry, package, error, install) from error
        # A folder of that name, as `wandb` makes one, is a module to Python, without a file.
        if module is None or getattr(module, "__file__", None) is None:
            raise MissingPackage(
                f"{kind} {entry.name} needs the package {package.module}, which is not installed",
                f"Install it: {install}",
                package.module,
            )

    def bind(self, context: Context) -> Context:
        """Return the context with a `build` that makes nested components."""
        bound: Context

        def build(kind: str, spec: ComponentSpec) -> Any:
            return self.build(kind, spec, bound)

        bound = replace(context, build=build)
        return bound

    def notify(self, hook: str, **arguments: Any) -> list[PluginFailure]:
        """Call a life-cycle hook of every plugin; failures are returned, never raised."""
        return self._notify(hook, **arguments)


def _broken_package(
    entry: Entry, package: Package, error: Exception, install: str
) -> MissingPackage:
    return MissingPackage(
        f"{entry.kind} {entry.name} needs the package {package.module}, which cannot be imported: "
        f"{in_words(error)}",
        f"Install it anew: {install}",
        package.module,
    )
