"""The one family of errors that a user is meant to read; rendered in `toolkit.cli.main`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

_LONGEST_NAME = 200
"""Comparing two names takes time by the product of their lengths; nobody mistypes longer ones."""
_LONGEST_REASON = 500


class TrashError(Exception):
    """Something went wrong that the user can understand and act on.

    Args:
        message: what is wrong and where, in one or a few lines.
        hint: what to do next, or the nearest valid thing; empty when there is nothing to add.
        parameter: the component's parameter (or the dotted key of the recipe) that is wrong, when it
            is known; reports then name its line in the recipe.
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, hint: str = "", *, parameter: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.parameter = parameter


class UsageError(TrashError):
    """The command, the recipe or an input file is wrong: exit code 2, nothing was started."""

    exit_code = EXIT_USAGE


def raised_at(error: BaseException) -> str:
    """Return " (file:line)" of the innermost place that raised, or nothing when it is unknown."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})" if trace else ""


def in_words(error: BaseException) -> str:
    """Return type and first line of somebody else's exception: "ValueError: bad shape"."""
    text = str(error).strip().splitlines()
    kind = type(error).__name__
    return f"{kind}: {text[0][:_LONGEST_REASON]}" if text else kind


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that looks most like `name`, or None if none is close."""
    if len(name) > _LONGEST_NAME:
        return None
    choices = sorted({choice for choice in choices if len(choice) <= _LONGEST_NAME})
    by_folded = {choice.casefold(): choice for choice in reversed(choices)}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    if found:
        return by_folded[found[0]]
    containing = [choice for choice in choices if name and name.casefold() in choice.casefold()]
    return containing[0] if containing else None


def did_you_mean(name: str, choices: Iterable[str], limit: int = 12) -> str:
    """Return a hint: the nearest choice, or the choices themselves when they are few."""
    choices = sorted(set(choices))
    near = nearest(name, choices)
    if near is not None:
        return f"Did you mean {near}?"
    if 0 < len(choices) <= limit:
        return "Valid: " + ", ".join(choices)
    return ""
