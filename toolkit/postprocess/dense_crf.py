"""Fully connected conditional random field: labels follow the edges of the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.memory import explain_memory_shortage
from toolkit.postprocess.crf_settings import CrfSettings

LOWEST = 1e-5
"""Probabilities below count as this, as in `pydensecrf.utils.unary_from_softmax`."""

Inference = Callable[[NDArray[np.float32], NDArray[np.uint8], CrfSettings], NDArray[np.float32]]
"""(log-probabilities float32 (H, W, C), image, settings) -> probabilities float32 (H, W, C)."""


def choose_inference(engine: str) -> Inference:
    """Return the inference of an engine, "own" or "pydensecrf".

    Raises:
        UsageError: the package of this engine cannot be imported.
    """
    if engine == "own":
        from toolkit.postprocess.mean_field import infer

        return infer
    try:
        from toolkit.postprocess.pydensecrf_engine import infer as infer_in_c
    except ImportError as error:
        raise UsageError(
            f'engine = "pydensecrf" needs a package that cannot be imported: {error}',
            'pip install "trash-toolkit[crf]" (a C++ compiler builds it), or leave engine out.',
            parameter="engine",
        ) from error
    return infer_in_c


@dataclass(frozen=True)
class DenseCrf:
    """Mean field of a fully connected CRF with two Gaussian kernels and the Potts model.

    After Krähenbühl and Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge
    Potentials", 2011 (arXiv:1210.5644): one kernel of the distance alone, one of distance and
    colour, each normalised symmetrically.

    Args:
        settings: the kernels and when to stop.
        infer: the engine.
    """

    settings: CrfSettings
    infer: Inference

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """float32 (C, H, W), `image` uint8 RGB (H, W, 3) as photographed -> float32 (C, H, W).

        Raises:
            UsageError: `image` is not of bytes, or of another size.
        """
        expected = (*probabilities.shape[1:], 3)
        if image.dtype != np.uint8 or image.shape != expected:
            raise UsageError(
                f"dense_crf needs the original image, uint8 RGB of shape {expected}; "
                f"it got {image.dtype} of shape {image.shape}",
                "A normalised image is noise to its colour kernel: hand over the image as it was "
                "read.",
            )
        with explain_memory_shortage(_LESS_MEMORY):
            logs = probabilities.transpose(1, 2, 0).clip(LOWEST, 1).copy()
            found = self.infer(np.log(logs, out=logs), image, self.settings)
            del logs
            return np.ascontiguousarray(found.transpose(2, 0, 1))


_LESS_MEMORY = (
    "dense_crf takes .4 kB (large smooth areas) to .9 kB (fine texture) of each pixel: predict at "
    "a smaller size, or leave it out for photos as large as these."
)
