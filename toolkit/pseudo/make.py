"""Making a pseudo-label set from the predictions of teachers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.split import Split
from toolkit.ensemble.combine import MemberMaps, combine_stores, probe_ensembler
from toolkit.errors import UsageError
from toolkit.plugin.interfaces import Context, Ensembler, Prediction, SubmissionFormat
from toolkit.plugin.registry import Registry
from toolkit.postprocess.chain import Chain, build_chain
from toolkit.postprocess.labels import argmax_labels
from toolkit.predict.member import require_same_photos
from toolkit.predict.members import MemberRef, choose_prediction_device, load_members
from toolkit.predict.predictor import predict_split
from toolkit.pseudo.label_set import LabelSet, open_label_set
from toolkit.pseudo.record import record_label_set
from toolkit.pseudo.select import build_selection
from toolkit.recipe.schema import Pseudo, Recipe
from toolkit.workspace import Workspace


def make_label_set(
    workspace: Workspace,
    teachers: Sequence[MemberRef],
    unlabelled: Split,
    pseudo: Pseudo,
    recipe: Recipe,
    *,
    folder: Path,
    cache: Path,
    origin: Mapping[str, Any],
) -> LabelSet:
    """Predict unlabelled images with teachers, select what is trusted, and write the set.

    Images are streamed: memory grows neither with their number nor with that of the teachers. An
    interrupted prediction goes on where it stopped; the selection is done again.

    Args:
        workspace: the project, its components, and who is told what happens.
        teachers: checkpoints, each with its views or those of its own recipe.
        unlabelled: the images; their annotations, if any, are not looked at.
        pseudo: how to combine, postprocess and select.
        recipe: says where to predict and in which numbers maps are stored.
        folder: where the set is to be; if it is there it is opened and nothing is done.
        cache: folder of caches, the stores of predictions among them.
        origin: plain values that say what the set is made from, kept in its index.

    Raises:
        UsageError: a component is unknown or does not fit, or a teacher has other classes; nothing
            was predicted.
        TrashError: nothing was selected; the message says why and gives the figures.
    """
    registry = workspace.registry
    if folder.exists():
        return open_label_set(folder)
    context = context_of(unlabelled, recipe)
    selection = build_selection(pseudo.select, registry, context)
    selection.expect(unlabelled.file_names)
    ensembler: Ensembler = registry.build("ensembler", pseudo.ensemble, context)
    postprocess = build_chain(pseudo.postprocess, registry, context)
    file = file_of(pseudo, recipe, registry, context)
    device = choose_prediction_device(recipe, None)
    members = load_members(teachers, context.class_names, registry, device)
    for member in members:
        require_same_photos(member, unlabelled)
    probe_ensembler(ensembler, context.n_classes, len(members))
    stores = []
    for member in members:
        stores.append(
            predict_split(
                member,
                unlabelled,
                cache=cache,
                store=recipe.predict.store,
                progress=workspace.progress,
            )
        )
        member.release()
    return record_label_set(
        folder,
        Predictions(stores, unlabelled, ensembler, postprocess),
        unlabelled,
        selection,
        file=file,
        soft=pseudo.soft,
        origin=origin,
        warnings=(),
        progress=workspace.progress,
    )


def file_of(
    pseudo: Pseudo, recipe: Recipe, registry: Registry, context: Context
) -> SubmissionFormat | None:
    """Return the format that labels go through; None when they stay as predicted.

    Raises:
        UsageError: soft labels, which no such file holds.
    """
    if not pseudo.as_submitted:
        return None
    if pseudo.soft:
        raise UsageError(
            "pseudo.as_submitted and pseudo.soft contradict each other: a submission file holds no "
            "probabilities",
            "Leave one of them out.",
            parameter="pseudo.as_submitted",
        )
    format: SubmissionFormat = registry.build("submission_format", recipe.submission, context)
    return format


def context_of(unlabelled: Split, recipe: Recipe) -> Context:
    """Return what the components of a set are built with."""
    return Context(
        class_names=unlabelled.labels.class_names,
        image_size=recipe.data.image_size,
        ignore_index=recipe.data.ignore_index,
    )


@dataclass(frozen=True)
class Predictions:
    """The teachers' combined predictions of all images; can be iterated several times.

    Attributes:
        stores: one per teacher, of the images of `unlabelled`.
        unlabelled: the images; read only where a postprocessor needs them.
        ensembler: combines the maps of one image.
        postprocess: applied to the combined map.
    """

    stores: Sequence[MemberMaps]
    unlabelled: Split
    ensembler: Ensembler
    postprocess: Chain

    def __iter__(self) -> Iterator[Prediction]:
        votes = _Votes(len(self.unlabelled.labels.class_names))
        on_map = votes.add if len(self.stores) > 1 else None
        combined = combine_stores(self.stores, self.ensembler, on_map=on_map)
        for position, probabilities in enumerate(combined):
            record = self.unlabelled.images[position]
            if self.postprocess.steps:
                image = read_picture(self.unlabelled.path(position), record)
                probabilities = self.postprocess(probabilities, image)
            labels = argmax_labels(probabilities)
            agreement = votes.share_of(labels) if on_map else np.ones(labels.shape, np.float32)
            yield Prediction(record.file_name, probabilities, agreement)


class _Votes:
    """How many teachers give a pixel each label: as much memory for many of them as for two."""

    def __init__(self, n_classes: int) -> None:
        self._n_classes = n_classes
        self._n_members = 0
        self._counts = np.zeros((n_classes, 0, 0), np.uint16)

    def add(self, member: int, position: int, probabilities: NDArray[np.float32]) -> None:
        """Count the labels of a teacher; the first one of an image starts from zero."""
        labels = argmax_labels(probabilities)
        if member == 0:
            self._counts = np.zeros((self._n_classes, *labels.shape), np.uint16)
        self._n_members = member + 1
        for label, plane in enumerate(self._counts):
            plane += labels == label

    def share_of(self, labels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the share of the teachers that give each pixel this label, float32 (H, W)."""
        counts = np.take_along_axis(self._counts, labels[None].astype(np.intp), axis=0)[0]
        share: NDArray[np.float32] = counts / np.float32(self._n_members)
        return share
