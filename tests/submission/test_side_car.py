from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.errors import UsageError
from toolkit.files import file_digest
from toolkit.metrics.scores import score_counts
from toolkit.plugin.component import ComponentSpec
from toolkit.submission.side_car import (
    Leaderboard,
    MergedFile,
    SideCar,
    SideCarMember,
    checkpoint_name,
    leaderboard_of,
    portable_path,
    read_side_car,
    refuse_output,
    set_aside_recorded,
    side_car_path,
    write_side_car,
)


@pytest.fixture
def side_car() -> SideCar:
    member = SideCarMember(
        checkpoint="runs/a/best.pt",
        digest="00ff",
        model=ComponentSpec(name="unet", encoder="resnet18"),  # type: ignore[call-arg]
        image_size=(256, 512),
        views="hflip",
        validation={"mean_iou": 0.5, "iou": [0.5, None]},
    )
    return SideCar(
        file="a.csv",
        digest="abcd",
        n_rows=3,
        format=ComponentSpec(name="mask_string", size=[256, 256]),  # type: ignore[call-arg]
        test="data/test.json",
        sample_submission=None,
        class_names=("Background", "Papier", "Glas"),
        overlap="max-id",
        class_shares=(0.9, 0.1, 0.0),
        members=(member, member),
        combine=ComponentSpec(name="mean"),
        postprocess=(ComponentSpec(name="crf", iterations=5),),  # type: ignore[call-arg]
        validation=None,
        score=score_counts(np.array([[[3, 1, 0], [0, 2, 0], [0, 0, 0]]])),
        created="2026-11-02T10:00:00+00:00",
        command="trash submit --ensemble a.pt b.pt",
        versions={"torch": "2.14"},
    )


def test_what_is_written_is_read(tmp_path: Path, side_car: SideCar) -> None:
    path = write_side_car(tmp_path / "a.csv", side_car)
    assert path == tmp_path / "a.json" == side_car_path(tmp_path / "a.csv")
    assert read_side_car(path) == side_car
    assert json.loads(path.read_text())["format"] == {"name": "mask_string", "size": [256, 256]}
    assert [child.name for child in tmp_path.iterdir()] == ["a.json"]


def test_a_score_may_be_unknown(tmp_path: Path, side_car: SideCar) -> None:
    unknown = dataclasses.replace(side_car, score=None)  # type: ignore[type-var]
    assert read_side_car(write_side_car(tmp_path / "a.csv", unknown)).score is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 7}, "side-car of version 7; this is version 3"),
        ({"schema_version": None}, "is not a side-car"),
        ({"n_rows": "many"}, "broken side-car: n_rows: Input should be a valid integer"),
        ({"overlap": "sum"}, "broken side-car: overlap"),
        ({"class_names": []}, "broken side-car: class_names"),
        ({"format": {"size": [1, 1]}}, r"broken side-car: format\.name"),
        ({"leaderbord": 0.7}, "broken side-car: leaderbord: Unexpected keyword argument"),
        ({"leaderboard": {"public": 72.05}}, r"broken side-car: leaderboard\.public"),
        ({"members": [{"checkpoint": "a.pt"}]}, r"broken side-car: members\.0\.digest"),
    ],
)
def test_refuses_a_wrong_value(
    tmp_path: Path, side_car: SideCar, changes: dict[str, Any], message: str
) -> None:
    path = write_side_car(tmp_path / "a.csv", side_car)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(UsageError, match=message):
        read_side_car(path)


def test_what_happened_to_a_file_is_kept(tmp_path: Path, side_car: SideCar) -> None:
    full = dataclasses.replace(  # type: ignore[type-var]
        side_car,
        combine=None,
        files=(MergedFile("submissions/b.csv", "abcd"),),
        image_root="../photos",
        labels_digest="beef",
        validation_shares=(0.8, 0.2, 0.0),
        leaderboard=Leaderboard(0.7205, None),
    )
    assert read_side_car(write_side_car(tmp_path / "a.csv", full)) == full


def test_version_1_is_still_read(tmp_path: Path, side_car: SideCar) -> None:
    path = write_side_car(tmp_path / "a.csv", side_car)
    content = json.loads(path.read_text()) | {"schema_version": 1}
    for later in ("files", "image_root", "labels_digest", "validation_shares", "leaderboard"):
        del content[later]
    path.write_text(json.dumps(content))
    assert read_side_car(path) == side_car


@pytest.mark.parametrize("there", ["a.csv", "a.json"])
def test_what_is_there_is_not_written_over(tmp_path: Path, there: str) -> None:
    output = tmp_path / "a.csv"
    refuse_output(output, overwrite=False, suffix=".csv")
    (tmp_path / there).write_text("")
    with pytest.raises(UsageError, match=f"{there} exists"):
        refuse_output(output, overwrite=False, suffix=".csv")
    refuse_output(output, overwrite=True, suffix=".csv")
    (tmp_path / there).unlink()
    (tmp_path / there).mkdir()
    with pytest.raises(UsageError, match=f"{there} is a folder"):
        refuse_output(output, overwrite=True, suffix=".csv")


@pytest.mark.parametrize("content", ["{", "{}", '{"schema_version": 99, "leaderboard": {}}'])
def test_what_may_hold_scores_is_not_replaced_unread(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UsageError, match="cannot be told") as caught:
        refuse_output(tmp_path / "a.csv", overwrite=True, suffix=".csv")
    assert "Move it away" in caught.value.hint


def test_a_submission_is_not_called_as_its_side_car(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the side-car has that name") as caught:
        refuse_output(tmp_path / "a.json", overwrite=True, suffix=".zip")
    assert caught.value.hint == f"Use {tmp_path / 'a.zip'}."


@pytest.mark.parametrize("name", ["a.txt", "a", "a.csv.gz", "a.csv "])
def test_a_submission_ends_as_its_format_does(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"format end in \.csv") as caught:
        refuse_output(tmp_path / name, overwrite=True, suffix=".csv")
    assert ".csv" in caught.value.hint
    refuse_output(tmp_path / "a.CSV", overwrite=False, suffix=".csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "is not a side-car"),
        ("{}", "is not a side-car"),
        ("{", "side-car is not valid JSON"),
    ],
)
def test_refuses_another_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        read_side_car(path)


def test_paths_are_relative_to_the_project(tmp_path: Path) -> None:
    root = tmp_path / "project"
    assert portable_path(root / "runs" / "a.pt", root) == "runs/a.pt"
    assert portable_path(tmp_path / "shared" / "test.json", root) == "../shared/test.json"


def test_a_file_with_leaderboard_scores_is_kept_under_another_name(
    tmp_path: Path, side_car: SideCar
) -> None:
    output, successor = tmp_path / "a.csv", tmp_path / "new"
    output.write_text("uploaded")
    successor.write_text("longer training")
    plain = dataclasses.replace(side_car, digest=file_digest(output))  # type: ignore[type-var]
    write_side_car(output, plain)
    assert set_aside_recorded(output, successor) is None  # no scores, nothing to keep
    said = dataclasses.replace(plain, leaderboard=Leaderboard(public=0.7))  # type: ignore[type-var]
    write_side_car(output, said)
    assert leaderboard_of(output, said.digest) == said.leaderboard
    assert leaderboard_of(output, "of another file") == Leaderboard()
    same = tmp_path / "same"
    same.write_text("uploaded")
    assert set_aside_recorded(output, same) is None
    for _ in range(2):  # the second time after a kill, when the file has moved already
        aside = set_aside_recorded(output, successor)
        assert aside == tmp_path / f"a.{said.digest[:8]}.csv"
        assert aside.read_text() == "uploaded"
        kept = read_side_car(side_car_path(aside))
        assert (kept.file, kept.leaderboard) == (aside.name, said.leaderboard)


def test_checkpoints_of_one_run_have_names_of_their_own() -> None:
    names = [checkpoint_name(f"runs/unet-001/{name}.pt") for name in ("best", "last")]
    assert names == ["unet-001/best", "unet-001/last"]
    assert checkpoint_name("../mate/soup.pt") == "../mate/soup"
    assert checkpoint_name("runs") == "runs"
