"""A small plugin, and what a command prints about it."""

from __future__ import annotations

import pytest

from toolkit.cli.main import run

TINY = '''
from typing import Annotated
from pydantic import Field
from toolkit import Component, hookimpl


def make(
    context,
    *,
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5,
    name_of: str | None = None,
):
    """Make nothing.

    Args:
        threshold: lowest probability
            that counts.
    """
    return lambda probabilities, image: BODY


@hookimpl
def trash_postprocessors():
    return [Component("tiny", make, "does next to nothing", aliases=("small",))]
'''


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["plugin", *arguments]) == 0
    return capsys.readouterr().out
