from __future__ import annotations

from tests.noisy_members import contest, make_held_out

__all__ = ["contest", "make_held_out"]
