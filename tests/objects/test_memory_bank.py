from __future__ import annotations

import numpy as np

from toolkit import CutOut, ObjectBank
from toolkit.objects.memory_bank import MemoryBank


def test_a_memory_bank_finds_its_objects_by_label() -> None:
    pixel = np.zeros((1, 1), np.uint8)
    objects = tuple(
        CutOut(np.zeros((1, 1, 3), np.uint8), pixel, label, f"{label}.jpg", (4, 6))
        for label in (5, 2, 5)
    )
    bank: ObjectBank = MemoryBank(objects)
    assert len(bank) == 3
    assert bank.labels == (2, 5)
    assert [list(bank.of(label)) for label in (1, 2, 5)] == [[], [1], [0, 2]]
    assert [bank[position] for position in range(3)] == list(objects)
