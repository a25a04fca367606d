"""Every command of `trash` by its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from toolkit.cli.main import make_app


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield words, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, (*words, name))


COMMANDS = dict(_commands(typer.main.get_command(make_app())))
"""Words after `trash` -> the command; () is the whole."""
