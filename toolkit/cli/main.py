"""The `trash` command: puts the groups together and turns errors into messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from toolkit import __version__
from toolkit.cli import console, data, plugin, predict, recipe, submission, submit
from toolkit.errors import EXIT_FAILED, EXIT_INTERRUPTED, TrashError
from toolkit.project import find_project

_SETTINGS = {"help_option_names": ["-h", "--help"]}


def _version(shown: bool) -> None:
    if shown:
        console.print_result(f"trash {__version__}")
        raise typer.Exit


def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Win semantic-segmentation competitions: recipes, plugins, ensembles, submissions."""


def make_app() -> typer.Typer:
    """Return the command line without the commands of plugins."""
    app = typer.Typer(
        name="trash",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
        rich_markup_mode="rich",
    )
    app.callback()(_root)
    for name, group in _GROUPS.items():
        app.add_typer(group, name=name, context_settings=_SETTINGS)
    for name, command in _COMMANDS.items():
        app.command(name, context_settings=_SETTINGS)(command)
    return app


_GROUPS = {
    "recipe": recipe.app,
    "data": data.app,
    "plugin": plugin.app,
    "submission": submission.app,
}
_COMMANDS: dict[str, Callable[..., None]] = {
    "predict": predict.predict,
    "submit": submit.submit,
}


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code."""
    debug = "--debug" in arguments or "TRASH_DEBUG" in os.environ
    try:
        app = make_app()
        if _may_be_a_plugins(arguments):
            from toolkit.plugin.discovery import load_registry

            load_registry(find_project()).notify("trash_commands", app=app)
        app(args=arguments, prog_name="trash")
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except TrashError as error:
        if debug:
            raise
        console.print_error(error)
        return error.exit_code
    except OSError as error:
        if debug or error.errno not in _DISK_PROBLEMS:
            raise
        console.print_error(disk_error(error))
        return EXIT_FAILED
    else:
        code = 0
    if code == EXIT_INTERRUPTED:
        console.note("interrupted; what was finished is kept")
    return code


def _may_be_a_plugins(arguments: list[str]) -> bool:
    """Plugins are loaded here only for a command that is not ours, and for the list of commands."""
    commands = [argument for argument in arguments if not argument.startswith("-")]
    return not commands or commands[0] not in {*_GROUPS, *_COMMANDS}


_DISK_PROBLEMS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


def disk_error(error: OSError) -> TrashError:
    """Turn a full or read-only disk into a message that names the file."""
    where = f" {error.filename}" if error.filename else ""
    return TrashError(
        f"cannot write{where}: {error.strerror}", "Free some space or choose another folder."
    )
