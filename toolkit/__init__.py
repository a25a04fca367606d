"""`trash`: a toolkit for teams in semantic-segmentation competitions.

This module is what plugin authors import; it imports neither torch nor numpy.
"""

from toolkit.errors import TrashError, UsageError
from toolkit.plugin.component import Component, ComponentSpec, OfKind
from toolkit.plugin.hookspecs import hookimpl
from toolkit.plugin.interfaces import Context, CutOut, ObjectBank, Prediction, Sample
from toolkit.plugin.kinds import UnitInterval
from toolkit.plugin.metric import MetricScore
from toolkit.plugin.reader import (
    Annotation,
    AnnotationSet,
    Category,
    ImageRecord,
    MaskFile,
    MaskTable,
    ReadRequest,
)

__version__ = "0.1.0"

__all__ = [
    "Annotation",
    "AnnotationSet",
    "Category",
    "Component",
    "ComponentSpec",
    "Context",
    "CutOut",
    "ImageRecord",
    "MaskFile",
    "MaskTable",
    "MetricScore",
    "ObjectBank",
    "OfKind",
    "Prediction",
    "ReadRequest",
    "Sample",
    "TrashError",
    "UnitInterval",
    "UsageError",
    "hookimpl",
]
