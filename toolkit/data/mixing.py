"""The mixes of a recipe: each training sample with another one of its batch.

Whether a batch is mixed, and with which mix, is drawn once per optimiser step from (seed, epoch,
step); everything else from (seed, epoch, sample index). So a run is the same whatever the workers,
the devices and the pieces that a device holds at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.data.augment import require_sample
from toolkit.errors import TrashError, in_words, raised_at
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, Mix, Sample
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.registry import Registry
from toolkit.seeds import Stream, generator


@dataclass(frozen=True)
class MixStep:
    """One mix and the probability with which a batch goes through it."""

    name: str
    mix: Mix
    p: float


@dataclass(frozen=True)
class Mixing:
    """Mixes, tried in order; picklable when they are."""

    steps: tuple[MixStep, ...] = ()

    def choose(self, seed: int, epoch: int, step: int) -> MixStep | None:
        """Return the mix of an optimiser step, or None when its batch stays as it is."""
        rng = generator(Stream.MIX_CHOICE, seed, epoch, step)
        return next((mix for mix in self.steps if rng.random() < mix.p), None)


def partner_shift(batch_size: int, seed: int, epoch: int, step: int) -> int:
    """Return how many places further on in its batch a sample's partner is, 1 … batch_size - 1.

    The order of an epoch is random, so a shift of the batch makes random pairs and leaves no sample
    with itself; 0 in a batch of one.
    """
    if batch_size < 2:
        return 0
    rng = generator(Stream.MIX_PARTNER, seed, epoch, step)
    return int(rng.integers(1, batch_size))


def mix_samples(
    chosen: MixStep,
    sample: Sample,
    partner: Sample,
    *,
    rng: np.random.Generator,
    batch_rng: np.random.Generator,
) -> Sample:
    """Return the sample mixed with its partner.

    Args:
        chosen: the mix.
        sample: the sample.
        partner: another one of its batch.
        rng: of the sample.
        batch_rng: the same for all samples of the batch.

    Raises:
        TrashError: the mix failed or returned something else than arrays of the sample's size.
    """
    try:
        result: object = chosen.mix(sample, partner, rng, batch_rng)
    except TrashError:
        raise
    except (Exception, SystemExit) as error:
        raise TrashError(
            f"mix {chosen.name} failed on {sample.file_name} and {partner.file_name}: "
            f"{in_words(error)}{raised_at(error)}"
        ) from error
    found = require_sample(result, f"mix {chosen.name}", sample.image.shape[2])
    if found.mask.shape != sample.mask.shape:
        raise TrashError(
            f"mix {chosen.name} changed the size from {sample.mask.shape} to {found.mask.shape}"
        )
    return found


def build_mixing(specs: Sequence[ComponentSpec], registry: Registry, context: Context) -> Mixing:
    """Build the mixes that a recipe lists; a mix's `p` defaults to 0.5.

    Raises:
        UsageError: a mix is unknown or has wrong parameters.
    """
    default_p = KINDS["mix"].common["p"][1]
    return Mixing(
        tuple(
            MixStep(
                name=spec.name,
                mix=registry.build("mix", spec, context),
                p=float(spec.parameters.get("p", default_p)),
            )
            for spec in specs
        )
    )
