"""Every reader of files that somebody else may have written, with a valid file to start from."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.fuzz.data_readers import DATA_READERS, Reader
from toolkit.data.array_store import write_store
from toolkit.ensemble.combination import (
    Combination,
    FitScores,
    FittedMember,
    read_combination,
    write_combination,
)
from toolkit.errors import UsageError
from toolkit.experiment.execution.stage_inputs import StageInputs
from toolkit.experiment.recorded_runs import recorded_runs
from toolkit.experiment.run_folder import LINEAGE, RunFolder
from toolkit.formats.mask_string import MaskString
from toolkit.formats.npz import Npz
from toolkit.formats.png_zip import PngZip
from toolkit.formats.run_length import RunLength
from toolkit.metrics.scores import score_counts
from toolkit.objects.object_bank import BankedObject, BankIndex, ObjectStore, SourceImage
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import SubmissionFormat
from toolkit.predict.member import stored_recipe
from toolkit.predict.store import StoreIndex, open_store, quantise
from toolkit.project import Project
from toolkit.pseudo.label_set import LabelledImage, LabelSetIndex, layout_of, open_label_set
from toolkit.pseudo.label_set import checksum as checksum_of
from toolkit.recipe.load import load_recipe
from toolkit.records.card import CardRecord, NoteRecord
from toolkit.records.description import describe_run
from toolkit.records.difference import differences
from toolkit.records.record import (
    CodeUsed,
    MemberOrigin,
    PluginFacts,
    RunOutcome,
    RunRecord,
    ScoresByMetric,
    SeriesRecord,
    SplitFacts,
    SubmissionRecord,
    record_path,
    write_record,
)
from toolkit.records.run_listing import row_of_run, sorted_run_rows
from toolkit.report.board import read_board
from toolkit.report.board_page import write_board
from toolkit.search.candidates import find_candidates
from toolkit.submission.check import check_submission
from toolkit.submission.history import read_submissions
from toolkit.submission.listing import agreements, row_of
from toolkit.submission.side_car import SideCar, SideCarMember, write_side_car
from toolkit.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from toolkit.train.history import History
from toolkit.train.state import load_state, save_state

CLASSES = ("Background", "Paper", "Glass")
RECIPE: dict[str, Any] = {
    "data": {"image_size": [16, 24]},
    "model": {"name": "unet"},
    "loss": {"name": "cross_entropy"},
    "train": {"epochs": 2},
    "submission": {"name": "mask_string"},
}


def _checkpoint(folder: Path) -> None:
    checkpoint = Checkpoint(
        model_state={"weight": torch.arange(6.0).view(2, 3), "steps": torch.tensor(3)},
        recipe=RECIPE,
        class_names=CLASSES,
        image_size=(16, 24),
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
        scores={"val_miou": 0.5, "val_iou": [0.5, None]},
        epoch=4,
        lineage={"run": "a", "parents": []},
    )
    save_checkpoint(folder / "a.pt", checkpoint)


def _read_checkpoint(folder: Path) -> None:
    path = folder / "a.pt"
    checkpoint = load_checkpoint(path)
    stored_recipe(path, checkpoint)
    json.dumps([checkpoint.lineage, checkpoint.scores, checkpoint.class_names])
    _ = [tensor.clone() for tensor in checkpoint.model_state.values()]
    _ = checkpoint.image_size[0] * 2, sum(checkpoint.std) / 3, ", ".join(checkpoint.class_names)


def _state(folder: Path) -> None:
    learner = {
        "model": {"w": torch.ones(2)},
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1}]},
        "scheduler": {"last_epoch": 3, "none": None},
    }
    record = {"epoch": 1, "val_miou": 0.5, "val_iou": [0.5, None], "lr": 0.1}
    save_state(folder / "state.pt", RECIPE, learner, History([record, {**record, "epoch": 2}]))


def _read_state(folder: Path) -> None:
    state = load_state(folder / "state.pt", RECIPE)
    history = state.history
    json.dumps(history.epochs)
    _ = history.best, history.last_epoch, history.is_stale(1)


def _label_set(folder: Path) -> None:
    sizes = ((2, 3), (3, 2))
    maps = [np.array([[0, 1, 2], [2, 2, 255]], np.uint8), np.full((3, 2), 1, np.uint8)]
    layout = layout_of(sizes, len(CLASSES))
    write_store(folder / "labels.bin", layout, [each for each in maps for _ in range(2)])
    index = LabelSetIndex(
        class_names=CLASSES,
        ignore_index=255,
        root="data",
        images=(
            LabelledImage("a.jpg", (2, 3), None, 0.5, 0.5, 1.0, 0.5),
            LabelledImage("b.jpg", (3, 2), "agreement", 0.5, None, 1.0, 0.0),
        ),
        predicted=(1, 2, 3),
        trusted=(1, 0, 3),
        soft=True,
        warnings=("odd",),
        origin={"teachers": ["a", "b"]},
        checksum=checksum_of(folder / "labels.bin"),
    )
    (folder / "index.json").write_text(json.dumps(index.to_json()))
    (folder / "maps").mkdir()
    _store(folder / "maps", ("a.jpg",), ((2, 3),))


def _read_label_set(folder: Path) -> None:
    found = open_label_set(folder)
    _ = found.index.teachers, found.index.rejected, found.masks.pixel_counts
    assert all((mask < 3).sum() + (mask == 255).sum() == mask.size for mask in found.masks)
    _ = [found.maps.read(row) for row in range(len(found))] if found.maps else None


def _store(
    folder: Path,
    names: tuple[str, ...] = ("a.jpg", "b.jpg"),
    sizes: tuple[tuple[int, int], ...] = ((2, 3), (3, 2)),
) -> None:
    index = StoreIndex(CLASSES, names, sizes, "u8", {"checkpoint": "abc"})
    maps = [np.full((3, *size), 1 / 3, np.float32) for size in sizes]
    (folder / "maps.bin").write_bytes(b"".join(quantise(each, "u8").tobytes() for each in maps))
    (folder / "index.json").write_text(json.dumps(index.to_json()))


def _read_store(folder: Path) -> None:
    store = open_store(folder)
    _ = [store.read(position) for position in range(len(store))]


def _bank(folder: Path) -> None:
    objects = (BankedObject(1, 0, 4, (2, 3), (0, 0)), BankedObject(2, 0, 4, (3, 2), (1, 1)))
    index = BankIndex(CLASSES, (SourceImage("a.jpg", (20, 30), 100, "00"),), objects)
    write_store(
        folder / "cutouts.bin",
        index.layout,
        [np.ones((*each.size, 4), np.uint8) for each in objects],
    )
    (folder / "index.json").write_text(json.dumps(_plain(BankIndex, index)))


def _plain(kind: type, value: object) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind).dump_python(value, mode="json")


def _read_bank(folder: Path) -> None:
    bank = ObjectStore(folder)
    _ = [bank[position] for position in range(len(bank))], bank.labels


MAPS = [
    ("a.jpg", np.array([[0, 1, 2], [2, 2, 0]], np.uint8)),
    ("b.jpg", np.array([[0, 0, 1], [1, 2, 0]], np.uint8)),
]


def _submission(form: SubmissionFormat) -> Reader:
    name = f"a{form.suffix}"

    def write(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            form.write(file, MAPS)

    def read(folder: Path) -> None:
        report = check_submission(folder / name, form, [image for image, _ in MAPS], 3)
        if not report.valid:
            raise UsageError("; ".join(map(str, report.problems)))
        for (image, labels), (expected, _) in zip(form.read(folder / name), MAPS, strict=True):
            assert image == expected
            assert labels.shape == (2, 3)
            assert labels.max() < 3

    return Reader(write, read)


def _side_car(folder: Path) -> None:
    spec = ComponentSpec(name="mean", weights=[0.4, 0.6])  # type: ignore[call-arg]
    member = SideCarMember("runs/a/best.pt", "00", spec, (16, 24), "none", {"mean_iou": 0.5})
    side_car = SideCar(
        file="a.csv",
        digest="ab",
        n_rows=2,
        format=ComponentSpec(name="mask_string"),
        test="data/test.json",
        sample_submission=None,
        class_names=CLASSES,
        overlap="max-id",
        class_shares=(0.9, 0.1, 0.0),
        members=(member, member),
        combine=spec,
        postprocess=(spec,),
        validation=None,
        score=score_counts(np.eye(3, dtype=int)[None]),
        created="2026-11-02T10:00:00+00:00",
        command="trash submit",
        versions={"torch": "2"},
        fitted=FitScores("greedy", 3, 0.5, 0.4, 0.4),
    )
    (folder / "submissions").mkdir()
    write_side_car(folder / "submissions" / "a.csv", side_car)


def _read_side_car(folder: Path) -> None:
    found, broken = read_submissions(Project(folder))
    rows = [row_of(each) for each in found]
    _ = agreements([*rows, *rows, *rows])
    json.dumps([each.side_car.as_json() for each in found])
    _ = [each.path.exists() for each in found]
    for error in broken:
        raise error


SUMMARY = {
    "metric": "miou",
    "runs": [{"run": "unet-001", "record": "ann/unet-1"}],
    "validation": {"mean": 0.5, "deviation": 0.1},
    "out_of_fold": {"mean_iou": 0.5, "metrics": {"miou": 0.5}, "larger_is_better": True},
    "submission": "submissions/a.csv",
    "submission_score": 0.4,
}


def _record(folder: Path) -> None:
    _side_car(folder)
    side_car = json.loads((folder / "submissions" / "a.json").read_text())
    shutil.rmtree(folder / "submissions")
    code = CodeUsed("0.1.0", "c0ffee", ("plugins/lab.py",), 1)
    project = Project(folder)
    submission = SubmissionRecord("Ann", "ab", "2026-11-02", code, (MemberOrigin("00"),), side_car)
    write_record(record_path(project, "ann/a-1"), submission)
    outcome = RunOutcome(ScoresByMetric(validation={"miou": 0.5}, test={"miou": 0.4}), 2, 3, 60.0)
    run = RunRecord(
        author="Ann",
        name="unet-001",
        recipe="recipes/unet.toml",
        title="A network",
        options=("--set", "seed=1"),
        own={"loss.name": "dice"},
        values={"seed": 1, "postprocess": [{"name": "dense_crf"}]},
        seed=1,
        training="ab",
        result_key="cd",
        started="2026-11-02T10:00:00+00:00",
        code=code,
        packages={"torch": "2.6"},
        python="3.11",
        machine="Linux x86_64",
        device="cpu",
        data={"train": SplitFacts(3, "ef")},
        plugins={"lab": PluginFacts(None, "01")},
        inputs={"start": "23"},
        parents=({"kind": "start", "checkpoint": "a.pt", "digest": "45", "run": None},),
        status="finished",
        outcome=outcome,
    )
    for number in range(2):
        write_record(record_path(project, f"ann/unet-{number}"), run)
    series = SeriesRecord("Ann", "pan", "recipes/pan.toml", "", (), "2026-11-02", code, SUMMARY)
    write_record(record_path(project, "ann/pan-1"), series)
    card = CardRecord("Ann", "An idea", "recipes/unet.toml", "why", ("loss",), "2026-11-01")
    write_record(record_path(project, "ann/card-1"), card)
    note = NoteRecord("Ben", "ann/unet-1", "good", ("loss",), True, "2026-11-03")
    write_record(record_path(project, "ben/note-1"), note)


def _read_record(folder: Path) -> None:
    project = Project(folder)
    runs, broken = recorded_runs(project)
    rows = [row_of_run(each) for each in runs]
    json.dumps([asdict(row) for row in sorted_run_rows(rows, "validation")])
    for each in runs:
        _ = ["".join(map("".join, lines)) for lines in describe_run(each).values()]
    _ = [differences(a.record, b.record) for a in runs for b in runs]
    _read_side_car(folder)
    board = read_board(project)
    json.dumps(board.as_json())
    write_board(board, project, folder / "board.html")
    for error in broken:
        raise error


def _combination(folder: Path) -> None:
    spec = ComponentSpec(name="weighted", weights=[0.4, 0.6])  # type: ignore[call-arg]
    members = (FittedMember("a.pt", "00", "none"), FittedMember("b.pt", "01", "hflip"))
    fitted = FitScores("weighted", 6, 0.6, 0.5, 0.4)
    write_combination(folder / "a.toml", Combination(spec, (spec,), members, fitted))


def _manifest(folder: Path) -> None:
    values: dict[str, Any] = {
        **dict.fromkeys(LINEAGE, "x"),
        "schema_version": 1,
        "status": "finished",
        "classes": CLASSES,
        "started": "2026-11-02",
        "training": "ab",
        "given": StageInputs(members=()).as_json(),
        "result": {
            "scores": {"val_miou": 0.5, "val_iou": [0.5, None]},
            "submission": {"score": {"mean_iou": 0.5, "iou": [0.5, None]}},
        },
    }
    (folder / "manifest.json").write_text(json.dumps(values))


def _read_manifest(folder: Path) -> None:
    manifest = RunFolder(folder).manifest()
    _ = sorted([("", manifest.get("started", "")), ("", "2026")]), ", ".join(manifest["status"])
    if manifest.get("given") is not None:
        StageInputs.from_json(manifest["given"])
    if manifest.get("result") is not None:
        _ = f"{manifest['result']['scores']['val_miou']:.4f}"


def _series(folder: Path) -> None:
    runs = [{"checkpoint": "runs/a/best.pt", "seed": 1}, {"checkpoint": "runs/b/best.pt"}]
    values = {"schema": "trash-series", "version": 1, "runs": runs, "classes": CLASSES}
    (folder / "a.json").write_text(json.dumps(values))


def _read_series(folder: Path) -> None:
    for candidate in find_candidates([str(folder / "a.json")], Project(folder)):
        _ = [member.path.exists() for member in candidate.members]


def _recipe(folder: Path) -> None:
    (folder / "r.toml").write_text(
        'title = "a"\nseed = 3\n\n[data]\nimage_size = [16, 24]\ntrain = "a.json"\n\n[model]\n'
        'name = "unet"\nencoder = "resnet18"\n\n[loss]\nname = "cross_entropy"\n\n[train]\n'
        'epochs = 2\n\n[optimizer]\nname = "adam"\nlr = 0.1\n\n[[augment.train]]\n'
        'name = "hflip"\n\n[submission]\nname = "mask_string"\nsize = [10, 14]\n'
    )


def _read_recipe(folder: Path) -> None:
    load_recipe(folder / "r.toml", project=Project(folder))


READERS = {
    **DATA_READERS,
    "checkpoint": Reader(_checkpoint, _read_checkpoint),
    "state": Reader(_state, _read_state),
    "label set": Reader(_label_set, _read_label_set),
    "probability store": Reader(_store, _read_store),
    "object bank": Reader(_bank, _read_bank),
    "mask_string": _submission(MaskString((2, 3), ("image_id", "PredictionString"), 3)),
    "run_length": _submission(
        RunLength(
            (2, 3), ("ImageId_ClassId", "EncodedPixels"), ("{image}_{class}", "{pixels}"), CLASSES
        )
    ),
    "png_zip": _submission(PngZip((2, 3), 3)),
    "npz": _submission(Npz((2, 3), 3)),
    "side-car": Reader(_side_car, _read_side_car),
    "record": Reader(_record, _read_record),
    "combination": Reader(_combination, lambda folder: read_combination(folder / "a.toml")),
    "manifest": Reader(_manifest, _read_manifest),
    "series": Reader(_series, _read_series),
    "recipe": Reader(_recipe, _read_recipe),
}
