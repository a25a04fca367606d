"""Leaderboard file formats."""

from __future__ import annotations

from pydantic import PositiveInt

from toolkit import Component, Context, hookimpl
from toolkit.plugin.interfaces import SubmissionFormat


def mask_string(
    context: Context,
    *,
    size: tuple[PositiveInt, PositiveInt] = (256, 256),
    columns: tuple[str, str] = ("image_id", "PredictionString"),
) -> SubmissionFormat:
    """Write a CSV with one row per image: its file name and all labels, joined by spaces.

    Args:
        size: (height, width) of the label maps in the file, pixels.
        columns: the header.
    """
    from toolkit.submission.mask_string import MaskString

    return MaskString(size, columns, context.n_classes)


@hookimpl
def trash_submission_formats() -> list[Component]:
    """Return the built-in formats."""
    return [Component("mask_string", mask_string, "CSV: file name, all labels joined by spaces")]
