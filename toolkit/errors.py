"""The one family of errors that a user is meant to read; rendered in `toolkit.cli.main`."""

from __future__ import annotations

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

_LONGEST_REASON = 500


class TrashError(Exception):
    """Something went wrong that the user can understand and act on.

    Args:
        message: what is wrong and where, in one or a few lines.
        hint: what to do next, or the nearest valid thing; empty when there is nothing to add.
        parameter: the component's parameter (or the dotted key of the recipe) that is wrong, when
            it is known; reports then name its line in the recipe.
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, hint: str = "", *, parameter: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.parameter = parameter


class TrainingFailed(TrashError):
    """A training cannot go on with these values: its loss is no number, or the memory is full."""


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
