"""The CRF's engine in C++: the optional package pydensecrf."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydensecrf import densecrf

from toolkit.postprocess.crf_settings import CrfSettings


def infer(
    logs: NDArray[np.float32], image: NDArray[np.uint8], settings: CrfSettings
) -> NDArray[np.float32]:
    """Return the marginals of the mean field; see `toolkit.postprocess.dense_crf.Inference`."""
    height, width, n_classes = logs.shape
    field = densecrf.DenseCRF2D(width, height, n_classes)
    field.setUnaryEnergy(np.ascontiguousarray(-logs.reshape(-1, n_classes).T))
    if settings.gaussian_weight > 0:
        field.addPairwiseGaussian(sxy=settings.gaussian_xy, compat=settings.gaussian_weight)
    if settings.bilateral_weight > 0:
        field.addPairwiseBilateral(
            sxy=settings.bilateral_xy,
            srgb=settings.bilateral_rgb,
            rgbim=np.array(image, order="C"),
            compat=settings.bilateral_weight,
        )
    marginals, *scratch = field.startInference()
    found = np.asarray(marginals).T  # a view of what the steps below change
    labels = found.argmax(axis=1)
    for _ in range(settings.iterations):
        field.stepInference(marginals, *scratch)
        if settings.tolerance > 0:
            previous, labels = labels, found.argmax(axis=1)
            if np.mean(labels != previous) <= settings.tolerance:
                break
    return found.reshape(logs.shape)
