"""The numbers of every stream, frozen: with others a recipe would train other weights."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit.seeds import Stream, generator, seed_process

ROOT = Path(__file__).parents[1]

FROZEN = {
    Stream.SAMPLE: ((3, 11), 8942076106232492908, 5296417150288674503),
    Stream.ORDER: ((3, 0), 842281301807966037, 585033951763111262),
    Stream.MIX_CHOICE: ((3, 11), 2120442270994281273, 5853469093467516586),
    Stream.MIX_BATCH: ((3, 11), 2001929992373176760, 13295706540433626979),
    Stream.MIX_SAMPLE: ((3, 11), 7034787459974032590, 89890324199926543),
    Stream.MIX_PARTNER: ((3, 11), 18395013294111101696, 3941196036372857199),
    Stream.REPEATED_SAMPLE: ((3, 11, 1), 11389955936981339568, 16330551290245687314),
    Stream.REPEATED_MIX: ((3, 11, 1), 6458591439822370774, 12287367466518347679),
    Stream.SCENE: ((3, 11), 8942076106232492908, 5296417150288674503),
    Stream.OUTLINES: ((3, 11), 1899774024352007750, 7061474752139962161),
    Stream.SPLIT: ((), 11530976094092348043, 15307346044642009514),
    Stream.EXCERPT: ((), 8947876659285282477, 4592848587271212803),
    Stream.SHOWN_OBJECTS: ((), 11530976094092348043, 15307346044642009514),
    Stream.SHOWN_IMAGES: ((), 11530976094092348043, 15307346044642009514),
    Stream.SHOWN_STEPS: ((3, 11), 8942076106232492908, 5296417150288674503),
    Stream.TRIALS: ((11,), 2928435073059490798, 15266214443100340880),
    Stream.FOLDS: ((), 11530976094092348043, 15307346044642009514),
    Stream.RESAMPLES: ((), 11530976094092348043, 15307346044642009514),
    Stream.PIXELS: ((), 11530976094092348043, 15307346044642009514),
}
"""Words after the seed, and the first number with the seeds 7 and 2**40 + 7."""


@pytest.mark.parametrize("stream", Stream)
def test_a_stream_has_the_numbers_that_it_always_had(stream: Stream) -> None:
    words, small, large = FROZEN[stream]
    for seed, expected in ((7, small), (2**40 + 7, large)):
        assert generator(stream, seed, *words).bit_generator.random_raw() == expected


def test_the_process_has_the_numbers_that_it_always_had() -> None:
    seed_process(7, 3, 1)
    found = torch.initial_seed(), int(np.random.get_state()[1][0]), random.getrandbits(32)  # type: ignore[index]
    assert found == (1060801321, 3103788793, random.Random(2540067344).getrandbits(32))


def test_no_other_file_seeds_a_generator() -> None:
    """Apart from checks with made-up data, whose numbers matter to nobody."""
    seeding = {"default_rng", "SeedSequence", "manual_seed"}
    allowed = {"seeds.py", "predict/views.py"}
    found = []
    for path in (ROOT / "toolkit").rglob("*.py"):
        name = path.relative_to(ROOT / "toolkit").as_posix()
        if name in allowed or name.startswith("testing/"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in seeding:
                found.append(f"{name}:{node.lineno}")
    assert not found, "name a stream for it in toolkit/seeds.py"
