"""Randomness that depends on the seed and the epoch alone."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(seed: int, *parts: int) -> None:
    """Seed torch (all devices), numpy and python from `seed` and `parts` (epoch, rank).

    Done at the beginning of every epoch, it makes a resumed run draw the same numbers as an
    uninterrupted one, in every process and on every device.
    """
    words = np.random.SeedSequence([seed, *parts]).generate_state(3)
    torch.manual_seed(int(words[0]))
    np.random.seed(int(words[1]))
    random.seed(int(words[2]))
