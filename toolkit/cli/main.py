"""The `trash` command: puts the groups together and turns errors into messages and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated

import typer

from toolkit import __version__
from toolkit.cli import console
from toolkit.errors import EXIT_FAILED, EXIT_INTERRUPTED, TrashError

app = typer.Typer(
    name="trash",
    help="Win semantic-segmentation competitions: recipes, plugins, ensembles, submissions.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(shown: bool) -> None:
    if shown:
        console.print_result(f"trash {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if debug:
        os.environ["TRASH_DEBUG"] = "1"


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code."""
    debug = "--debug" in arguments
    try:
        app(args=arguments, standalone_mode=False)
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else EXIT_FAILED
    except TrashError as error:
        if debug:
            raise
        console.print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.note("interrupted; finished files were kept")
        return EXIT_INTERRUPTED
    except OSError as error:
        if debug or error.errno not in _DISK_PROBLEMS:
            raise
        console.print_error(disk_error(error))
        return EXIT_FAILED
    return 0


_DISK_PROBLEMS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES}


def disk_error(error: OSError) -> TrashError:
    """Turn a full or read-only disk into a message that names the file."""
    where = f" ({error.filename})" if error.filename else ""
    return TrashError(
        f"cannot write{where}: {error.strerror}", "Free some space or choose another folder."
    )
