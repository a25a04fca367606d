"""Which training samples an epoch holds, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from toolkit.data.sampling import Draws
from toolkit.errors import UsageError
from toolkit.seeds import Stream, generator

PseudoMix = Literal["first", "concat", "ratio", "only"]


@dataclass(frozen=True)
class EpochOrder:
    """The positions of an epoch's samples: those of real images first, then pseudo-labelled ones.

    Attributes:
        n_real: images with real labels, positions 0 … n_real - 1.
        n_pseudo: pseudo-labelled images, positions n_real … n_real + n_pseudo - 1.
        mix: as `pseudo.mix` in a recipe; means nothing without pseudo-labelled images.
        ratio: share of pseudo-labelled images in a batch for "ratio".
        batch_size: images per optimiser step, for "ratio".
        draws: how often each real image comes; None = once.

    Raises:
        UsageError: no images, or a batch too small to hold images of both kinds.
    """

    n_real: int
    n_pseudo: int = 0
    mix: PseudoMix = "concat"
    ratio: float = 0.5
    batch_size: int = 1
    draws: Draws | None = None

    def __post_init__(self) -> None:
        if self.n_real + self.n_pseudo < 1:
            raise UsageError("there are no training images")
        if self._by_ratio and self.batch_size < 2:
            raise UsageError(
                'pseudo.mix = "ratio" needs batches of two images or more',
                "Set train.batch_size = 2 or more.",
                parameter="pseudo.mix",
            )

    @property
    def _by_ratio(self) -> bool:
        return self.n_pseudo > 0 and self.mix == "ratio"

    @property
    def n_drawn(self) -> int:
        """Real images that an epoch has, each counted as often as it comes."""
        return self.n_real if self.draws is None else len(self.draws)

    @property
    def _pseudo_per_batch(self) -> int:
        return min(max(round(self.ratio * self.batch_size), 1), self.batch_size - 1)

    def __len__(self) -> int:
        if self.n_pseudo == 0:
            return self.n_drawn
        if self.mix == "only":
            return self.n_pseudo
        if self.mix == "ratio":
            real_per_batch = self.batch_size - self._pseudo_per_batch
            return -(-self.n_drawn // real_per_batch) * self.batch_size
        return self.n_drawn + self.n_pseudo

    def __call__(self, seed: int, epoch: int) -> list[int]:
        """Return the positions of an epoch; they depend on the arguments alone."""
        rng = generator(Stream.ORDER, seed, epoch, 0)
        if self.n_pseudo and self.mix == "concat":
            return self._concatenated(rng)
        real = _plain(rng.permutation(self.n_real) if self.draws is None else self.draws(rng))
        if self.n_pseudo == 0:
            return real
        pseudo = [self.n_real + each for each in _plain(rng.permutation(self.n_pseudo))]
        if self.mix == "only":
            return pseudo
        return self._batches(real, pseudo, rng) if self.mix == "ratio" else pseudo + real

    def earlier(self, order: Sequence[int]) -> list[int]:
        """Return how often each sample of an order came before in it, where images are resampled.

        A sample that comes again is augmented anew. Without `draws` all are 0: what repeats then is
        what fills up the batches of "ratio", with the augmentation that it had.
        """
        if self.draws is None:
            return [0] * len(order)
        seen: Counter[int] = Counter()
        found = []
        for position in order:
            found.append(seen[position])
            seen[position] += 1
        return found

    def _concatenated(self, rng: np.random.Generator) -> list[int]:
        if self.draws is None:
            return _plain(rng.permutation(self.n_real + self.n_pseudo))
        pseudo = np.arange(self.n_real, self.n_real + self.n_pseudo)
        return _plain(rng.permutation(np.concatenate([self.draws(rng), pseudo])))

    def _batches(self, real: list[int], pseudo: list[int], rng: np.random.Generator) -> list[int]:
        """Fill every batch with the same number of each kind; what runs out begins anew."""
        n_pseudo = self._pseudo_per_batch
        n_real = self.batch_size - n_pseudo
        found: list[int] = []
        for number in range(len(self) // self.batch_size):
            batch = [
                real[place % len(real)] for place in range(number * n_real, (number + 1) * n_real)
            ]
            for place in range(number * n_pseudo, (number + 1) * n_pseudo):
                if place and place % self.n_pseudo == 0:
                    rng.shuffle(pseudo)
                batch.append(pseudo[place % self.n_pseudo])
            # Each device takes a stretch of the batch: all of them are to see both kinds.
            rng.shuffle(batch)
            found += batch
        return found


def _plain(order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    return [int(index) for index in order]
