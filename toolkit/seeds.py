"""Every stream of random numbers, by name: what it depends on and how its generator is seeded.

A generator is seeded by words: a seed that the user chooses, what the numbers belong to (epoch,
step, image, …), and one more where the words of two streams could be the same. None of this may
change: with other numbers a recipe trains other weights.
"""

from __future__ import annotations

import random
from enum import Enum

import numpy as np


class Stream(Enum):
    """What random numbers are for; each says which words come after the seed.

    Those of a training take the recipe's seed and nothing else that differs from run to run: not
    the workers, the devices, or the pieces that a device holds at once.
    """

    SAMPLE = "sample"
    """Augmentation of a training sample, and labels drawn from its soft ones: epoch, sample."""
    ORDER = "order"
    """Order of the samples of an epoch: epoch, 0."""
    MIX_CHOICE = "mix choice"
    """Which mix a batch goes through, if any: epoch, step."""
    MIX_BATCH = "mix batch"
    """What a mix draws once for a batch: epoch, step."""
    MIX_SAMPLE = "mix sample"
    """What a mix draws for each sample: epoch, sample."""
    MIX_PARTNER = "mix partner"
    """With which sample of its batch each one is mixed: epoch, step."""
    REPEATED_SAMPLE = "repeated sample"
    """As SAMPLE, when sampling draws it again: epoch, sample, how often it came before."""
    REPEATED_MIX = "repeated mix"
    """As MIX_SAMPLE, when sampling draws it again: epoch, sample, how often it came before."""

    SCENE = "scene"
    """An image of the synthetic contest: split, image."""
    OUTLINES = "outlines"
    """How the annotations of such an image are written: split, image."""

    SPLIT = "split"
    """Ties when `trash data split` divides images into folds."""
    EXCERPT = "excerpt"
    """Which images `--limit` and `--overfit` try a recipe on."""
    SHOWN_OBJECTS = "shown objects"
    """Objects on a picture of an object bank, or on a page."""
    SHOWN_IMAGES = "shown images"
    """Images that a page samples: nothing else."""
    SHOWN_STEPS = "shown steps"
    """What a page shows of each step of an augmentation: step, image."""
    TRIALS = "trials"
    """Values of a trial of a study's search: trial."""
    FOLDS = "folds"
    """Folds of the search for an ensemble."""
    RESAMPLES = "resamples"
    """Bootstrap of the gain of one ensemble over another."""
    PIXELS = "pixels"
    """Pixels that ensembles are fitted to."""


_LAST_WORD = {
    Stream.ORDER: 1,
    Stream.MIX_CHOICE: 2,
    Stream.MIX_BATCH: 3,
    Stream.MIX_SAMPLE: 4,
    Stream.MIX_PARTNER: 5,
    Stream.REPEATED_SAMPLE: 6,
    Stream.REPEATED_MIX: 7,
    Stream.OUTLINES: 1,
    Stream.EXCERPT: 6,
}
"""Sets apart the streams of a training, and those of the demo contest; the others have none."""


def generator(stream: Stream, seed: int, *words: int) -> np.random.Generator:
    """Return a new generator of a stream; it depends on the arguments alone."""
    last = (_LAST_WORD[stream],) if stream in _LAST_WORD else ()
    return np.random.default_rng([seed, *words, *last])


def seed_process(seed: int, *words: int) -> None:
    """Seed what draws from the process's own generators: first weights, drop-out, stochastic depth.

    Of torch (all devices), numpy and python. Done at the beginning of every epoch, it makes a
    resumed run draw the same numbers as an uninterrupted one, in every process and on every device.

    Args:
        seed: the recipe's.
        words: epoch and rank; none for the first weights.
    """
    import torch  # what only reads and draws data does without

    states = np.random.SeedSequence([seed, *words]).generate_state(3)
    torch.manual_seed(int(states[0]))
    np.random.seed(int(states[1]))
    random.seed(int(states[2]))
