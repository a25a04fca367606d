from __future__ import annotations

import pytest
import torch

from toolkit import TrashError
from toolkit.train.outputs import main_output


def test_a_tensor_is_the_main_output() -> None:
    logits = torch.zeros(1, 2, 3, 4)
    assert main_output(logits) is logits


def test_main_is_taken_from_named_outputs_whatever_their_order() -> None:
    logits = torch.zeros(1, 2, 3, 4)
    assert main_output({"aux": logits + 1, "main": logits}) is logits


@pytest.mark.parametrize(
    ("output", "found"),
    [([torch.zeros(1)], "a list"), ({"aux": torch.zeros(1)}, "'aux'"), ({"main": None}, "'main'")],
)
def test_anything_else_is_refused_and_named(output: object, found: str) -> None:
    with pytest.raises(TrashError, match=found):
        main_output(output)
