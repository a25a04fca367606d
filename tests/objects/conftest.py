from __future__ import annotations

from tests.small_contests import cache, data_root, make_contest, train_split

__all__ = ["cache", "data_root", "make_contest", "train_split"]
