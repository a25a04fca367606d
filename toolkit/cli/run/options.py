"""What the commands of `trash run` share."""

from __future__ import annotations

RUN_HELP = (
    "A run: its name, as in tiny-001, or its record: the file, its name, or the beginning of that."
)
