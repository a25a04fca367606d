from __future__ import annotations

from tests.data.mask_pieces import camvid
from tests.small_contests import cache, data_root, make_contest, train_split

__all__ = ["cache", "camvid", "data_root", "make_contest", "train_split"]
