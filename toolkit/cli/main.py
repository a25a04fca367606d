"""The `trash` command: puts the groups together and turns errors into messages and exit codes."""

from __future__ import annotations

import errno
import inspect
import io
import os
import re
import sys
import traceback
from collections.abc import Callable
from typing import Annotated

import typer

from toolkit import __version__
from toolkit.cli import (
    board,
    console,
    data,
    ensemble,
    evaluate,
    plugin,
    predict,
    pseudo,
    recipe,
    report,
    study,
    submission,
    submit,
)
from toolkit.cli import run as run_
from toolkit.cli.command_suggestions import SuggestingGroup
from toolkit.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    TrashError,
    UsageError,
    in_words,
    raised_at,
)
from toolkit.experiment.execution.launch import end_with_launcher
from toolkit.lifetime import end_in_time
from toolkit.memory import memory_shortage, out_of_memory
from toolkit.plugin.discovery import SWITCH, plugins_enabled

_NO_PLUGINS = "--no-plugins"
_SETTINGS = {"help_option_names": ["-h", "--help"]}


def _version(shown: bool) -> None:
    if shown:
        console.print_result(f"trash {__version__}")
        raise typer.Exit


def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    no_plugins: Annotated[
        bool,
        typer.Option(
            _NO_PLUGINS,
            help="Use built-in components only; TRASH_PLUGINS=0 does the same.",
        ),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Win semantic-segmentation competitions: recipes, plugins, ensembles, submissions."""


def make_app() -> typer.Typer:
    """Return the command line without the commands of plugins."""
    app = typer.Typer(
        name="trash",
        cls=SuggestingGroup,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
        rich_markup_mode="rich",
        epilog="Plugins may add commands: `trash plugin commands` lists them.",
    )
    app.callback()(_root)
    for name, group in _GROUPS.items():
        app.add_typer(group, name=name, cls=SuggestingGroup, context_settings=_SETTINGS)
    for name, command in _COMMANDS.items():
        app.command(name, context_settings=_SETTINGS)(command)
    _unwrap_help(app)
    return app


def _unwrap_help(app: typer.Typer) -> None:
    """Let the terminal alone break the lines of help: docstrings are as wide as an editor."""
    for command in app.registered_commands:
        text = command.help or inspect.getdoc(command.callback) or ""
        command.help = re.sub(r"(?<!\n)\n(?!\s)", " ", text)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _unwrap_help(group.typer_instance)


_GROUPS = {
    "recipe": recipe.app,
    "run": run_.app,
    "study": study.app,
    "data": data.app,
    "plugin": plugin.app,
    "pseudo": pseudo.app,
    "ensemble": ensemble.app,
    "submission": submission.app,
    "board": board.app,
}
_COMMANDS: dict[str, Callable[..., None]] = {
    "predict": predict.predict,
    "report": report.report,
    "evaluate": evaluate.evaluate,
    "submit": submit.submit,
}


def main() -> None:
    """Entry point of the console script."""
    _open_streams()
    end_with_launcher()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would try again at exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_FAILED
        if error.errno != errno.EPIPE:  # a reader such as `head` that has enough is no news
            console.print_error(TrashError(f"cannot write to the output: {error.strerror}"))
    if os.environ.get("WORLD_SIZE", "1") != "1":
        # One of several processes that trained together: while Python ends, a thread of their
        # connection can abort the process, although all its work is done (seen on busy machines).
        sys.stderr.flush()
        os._exit(code)
    end_in_time(code)
    sys.exit(code)


def _open_streams() -> None:
    """Make both streams take every text, also file names that are no Unicode."""
    if sys.stdout is None:  # closed by the shell: `>&-`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    # While the shell completes a line, a warning would land in the middle of it.
    if sys.stderr is None or "_TRASH_COMPLETE" in os.environ:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if os.environ.get("COLUMNS") == "0":  # some shells say so when they do not know
        del os.environ["COLUMNS"]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code."""
    debug = "--debug" in arguments or bool(os.environ.get("TRASH_DEBUG"))
    switch = os.environ.get(SWITCH)
    try:
        if _NO_PLUGINS in arguments:
            os.environ[SWITCH] = "0"  # where loader workers and helper processes find it, too
        app = make_app()
        if _may_be_a_plugins(arguments):
            app = _with_commands_of_plugins(app)
        else:
            # Who repeats a failed command adds them at the end.
            arguments = [word for word in arguments if word not in ("--debug", _NO_PLUGINS)]
        app(args=arguments, prog_name="trash")
    except SystemExit as exit_:
        code = _exit_code(exit_)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            console.note(traceback.format_exc().rstrip())
        shown = _explained(error)
        console.print_error(shown)
        return shown.exit_code
    else:
        code = 0
    finally:
        _restore(switch)
    if code == EXIT_INTERRUPTED:
        console.note("interrupted")
    return code


def _restore(switch: str | None) -> None:
    if switch is None:
        os.environ.pop(SWITCH, None)
    else:
        os.environ[SWITCH] = switch


def _exit_code(exit_: SystemExit) -> int:
    if exit_.code is None or isinstance(exit_.code, int):
        return exit_.code or 0
    console.note(str(exit_.code))
    return EXIT_FAILED


def _may_be_a_plugins(arguments: list[str]) -> bool:
    """Foreign code runs here only for a command that is not ours: nobody else can offer it."""
    commands = [argument for argument in arguments if not argument.startswith("-")]
    ours = not commands or commands[0] in {*_GROUPS, *_COMMANDS}
    return not ours and "--version" not in arguments and plugins_enabled()


def _with_commands_of_plugins(app: typer.Typer) -> typer.Typer:
    """Return the command line with what the plugins add, or as it is when that cannot work."""
    added = plugin.commands.add_plugin_commands(app)
    if added is None:
        return make_app()
    taken = sorted({*_GROUPS, *_COMMANDS} & set(added))
    if taken:
        console.warn(f"the commands of plugins are left out: there is a trash {taken[0]} already")
        return make_app()
    return app


def _explained(error: Exception) -> TrashError:
    """Turn any exception into a message that says where it comes from."""
    if isinstance(error, TrashError):
        return error
    shortage = memory_shortage(error)
    if shortage is not None:
        return out_of_memory(
            shortage, "Lower batch sizes, image sizes or workers, or end other programs."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        if error.errno in _WRONG_PATHS:
            return UsageError(f"{where}{error.strerror}")
        return TrashError(f"{where}{error.strerror}", _DISK_HINTS.get(error.errno or 0, ""))
    return TrashError(
        f"unexpected {in_words(error)}{raised_at(error)}",
        "This is a mistake in the program or in a plugin: `trash --debug …` shows the traceback.",
    )


_WRONG_PATHS = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}
_FULL = "Free some space or choose another folder."
_FORBIDDEN = "Choose another folder, or ask its owner for the right to write."
_DISK_HINTS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _FORBIDDEN,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
}
