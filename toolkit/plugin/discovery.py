"""Finding plugins: built-ins, then the project's `plugins/`, then installed entry points."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from toolkit.errors import UsageError, in_words
from toolkit.plugin import hookspecs, team
from toolkit.plugin.component import Component
from toolkit.plugin.kinds import KINDS, Kind
from toolkit.plugin.registry import BUILTIN, Entry, PluginFailure, Registry
from toolkit.project import Project
from toolkit.suggestions import did_you_mean

ENTRY_POINT_GROUP = "trash"
SWITCH = "TRASH_PLUGINS"
"""Environment variable: 0 leaves out all that is not built in; worker processes inherit it."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_.+-]*")
_HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("trash_"))


def plugins_enabled() -> bool:
    """Return whether plugins of the project and of installed packages may be loaded.

    Raises:
        UsageError: `TRASH_PLUGINS` is neither 0 nor 1: a mistyped "off" must not run foreign code.
    """
    value = os.environ.get(SWITCH, "").strip()
    if value not in ("", "0", "1"):
        raise UsageError(
            f"the environment variable {SWITCH} is {value!r}",
            "Write 0 to leave plugins out, or 1 (as without it) to load them.",
        )
    return value != "0"


def load_registry(project: Project | None) -> Registry:
    """Load every plugin; those that fail are kept as `failures` and skipped.

    This runs the Python files in the project's `plugins/`, unless plugins are switched off.

    Args:
        project: whose `plugins/` to load; None loads no project plugins.

    Raises:
        UsageError: see `plugins_enabled`.
    """
    if not plugins_enabled():
        return builtin_registry()
    loader = _Loader()
    _load_builtins(loader)
    if project is not None:
        _point_team_at(project.plugins)
        for name, file in project_plugins(project.plugins):
            loader.load(name, file, partial(_import_plugin, name, file), unique=str(file))
    for point in entry_points(group=ENTRY_POINT_GROUP):
        source = _distribution(point)
        # One package may have several entry points.
        unique = f"{source}:{point.name}={point.value}"
        loader.load(source, None, point.load, unique=unique, version=_version(point))
    return loader.registry()


def builtin_registry() -> Registry:
    """Return the built-in components alone: no foreign code runs."""
    loader = _Loader()
    _load_builtins(loader)
    return loader.registry(off=not plugins_enabled())


def _load_builtins(loader: _Loader) -> None:
    builtins = importlib.import_module("toolkit.builtins")
    for name in builtins.MODULES:
        # A broken built-in is our bug, not a plugin's: it may raise.
        module = importlib.import_module(f"toolkit.builtins.{name}")
        loader.register(module, BUILTIN, Path(str(module.__file__)), unique=f"{BUILTIN}.{name}")


def project_plugins(folder: Path) -> list[tuple[str, Path]]:
    """Return (module name, file) of every plugin in a project's folder; nothing is imported.

    A plugin is a `.py` file or a folder with `__init__.py`; names that begin with `_` are shared
    code of other plugins, those that begin with `.` belong to editors and file systems.
    """
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.iterdir()):
        file = path / "__init__.py" if path.is_dir() else path
        if file.suffix == ".py" and file.is_file() and not path.name.startswith(("_", ".")):
            found.append((path.name.removesuffix(".py"), file))
    return found


def _import_plugin(name: str, file: Path) -> Any:
    if "." in name:
        raise ImportError(f"a plugin's name has no dots: rename it to {name.replace('.', '_')}")
    module = importlib.import_module(f"{team.__name__}.{name}")
    if not file.samefile(str(module.__file__)):  # a file and a folder of one name
        raise ImportError(f"{module.__file__} has that name, too: rename one of them")
    return module


def _point_team_at(folder: Path) -> None:
    folder = folder.resolve()
    if team.__path__ != [str(folder)]:
        for name in [name for name in sys.modules if name.startswith(team.__name__ + ".")]:
            del sys.modules[name]
        team.__path__[:] = [str(folder)]
    os.environ[team.FOLDER_VARIABLE] = str(folder)


class _Loader:
    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT_NAME)
        self._manager.add_hookspecs(hookspecs)
        self._entries: list[Entry] = []
        self._failures: list[PluginFailure] = []
        self._sources: dict[str, tuple[str, Path | None]] = {}

    def load(
        self,
        source: str,
        file: Path | None,
        importer: Callable[[], Any],
        *,
        unique: str,
        version: str | None = None,
    ) -> None:
        try:
            # stdout is for results: what a plugin prints would break --json.
            with redirect_stdout(sys.stderr):
                plugin = importer()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may even call sys.exit at import
            self._fail(source, file, error)
            return
        self.register(plugin, source, file, unique=unique, version=version)

    def register(
        self,
        plugin: Any,
        source: str,
        file: Path | None,
        *,
        unique: str,
        version: str | None = None,
    ) -> None:
        try:
            self._manager.register(plugin, unique)
            self._refuse_misspelt_hooks(plugin)
            with redirect_stdout(sys.stderr):
                self._entries += self._components(plugin, source, version)
            self._sources[unique] = (source, file)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if self._manager.has_plugin(unique):
                self._manager.unregister(name=unique)
            self._fail(source, file, error)

    def _refuse_misspelt_hooks(self, plugin: Any) -> None:
        callers = self._manager.get_hookcallers(plugin) or []
        for caller in callers:
            if not caller.has_spec():
                hint = did_you_mean(caller.name, _HOOKS)
                raise AttributeError(f"there is no hook {caller.name}. {hint}".rstrip())
        marked = {caller.name for caller in callers}
        for name in _HOOKS:
            if name not in marked and callable(getattr(plugin, name, None)):
                raise AttributeError(f"{name} lacks its decorator: write @hookimpl above it")

    def _components(self, plugin: Any, source: str, version: str | None) -> list[Entry]:
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        offered = {caller.name for caller in self._manager.get_hookcallers(plugin) or []}
        entries = []
        for kind in KINDS.values():
            caller = self._manager.subset_hook_caller(kind.hook, others)
            results = caller()
            if kind.hook in offered and not results:  # pluggy leaves out what is None
                raise TypeError(f"{kind.hook} returned nothing: return a list of Component")
            for components in results:
                checked = list(checked_components(components, kind))
                _refuse_repeated_names(checked, kind)
                entries += [Entry(kind.name, component, source, version) for component in checked]
        return entries

    def _fail(self, source: str, file: Path | None, error: BaseException) -> None:
        if isinstance(error, pluggy.PluginValidationError):
            # Its first line names the plugin; what is wrong stands below.
            message = " ".join(str(error).split("\n", 1)[-1].split())
        else:
            message = in_words(error)
        where = _line_in(file, error)
        self._failures.append(PluginFailure(source, file, f"{where}{message}"))

    def registry(self, *, off: bool = False) -> Registry:
        return Registry(self._entries, self._failures, self._notify, plugins_off=off)

    def _notify(self, hook: str, **arguments: Any) -> list[PluginFailure]:
        """Call one plugin at a time: pluggy's own call stops at the first that raises."""
        failures = []
        # In the order of registration: get_plugins() returns a set.
        plugins = [plugin for _, plugin in self._manager.list_name_plugin() if plugin is not None]
        for plugin in plugins:
            others = [other for other in plugins if other is not plugin]
            try:
                with redirect_stdout(sys.stderr):
                    self._manager.subset_hook_caller(hook, others)(**arguments)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                source, file = self._sources[str(self._manager.get_name(plugin))]
                message = f"{_line_in(file, error)}{hook}: {in_words(error)}"
                failures.append(PluginFailure(source, file, message))
        return failures


def checked_components(components: Any, kind: Kind) -> Iterator[Component]:
    """Yield the components that a hook returned; refuse anything else.

    Raises:
        TypeError: the hook returned something else than component records.
        ValueError: a name that recipes could not use.
    """
    if isinstance(components, Component) or not isinstance(components, Iterable):
        raise TypeError(
            f"{kind.hook} must return a list of Component, not {type(components).__name__}"
        )
    for component in components:
        if not isinstance(component, Component):
            raise TypeError(f"{kind.hook} returned {component!r}, which is not a Component")
        aliases: object = component.aliases  # nothing checks a record's types before
        if isinstance(aliases, str):
            raise TypeError(
                f"{kind.name} {component.name!r}: aliases is one text, write aliases=({aliases!r},)"
            )
        for name in (component.name, *component.aliases):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(
                    f"{kind.name} {name!r}: names are lower case letters, digits and _ . + -"
                )
        if not callable(component.factory):
            raise TypeError(
                f"{kind.name} {component.name!r}: the factory is "
                f"{type(component.factory).__name__}, which cannot be called"
            )
        if not isinstance(component.summary, str):
            raise TypeError(f"{kind.name} {component.name!r}: the summary is not a text")
        yield component


def _refuse_repeated_names(components: Iterable[Component], kind: Kind) -> None:
    names = [name for component in components for name in (component.name, *component.aliases)]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValueError(f"{kind.hook} offers {', '.join(repeated)} twice")


def _line_in(file: Path | None, error: BaseException) -> str:
    """Return "line N: " for the innermost place in the plugin's own file, if there is one."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"line {error.lineno}: "
    found = ""
    trace = error.__traceback__
    while trace is not None and file is not None:
        if Path(trace.tb_frame.f_code.co_filename) == file:
            found = f"line {trace.tb_lineno}: "
        trace = trace.tb_next
    return found


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.name


def _version(point: EntryPoint) -> str | None:
    return point.dist.version if point.dist is not None else None
