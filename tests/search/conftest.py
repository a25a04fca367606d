from __future__ import annotations

from tests.noisy_members import contest, make_held_out
from tests.tiny_project import project

__all__ = ["contest", "make_held_out", "project"]
