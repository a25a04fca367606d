"""Commands that are killed, refused by the system or crowded: nothing is lost or left half-done.

Every command is cut at random moments and run again; what it leaves then equals, byte for byte,
what a command leaves that nobody disturbed. 22 kills by default;
`pytest -m long tests/experiment/test_kills.py` makes 510 more.
"""

from __future__ import annotations

import errno
import hashlib
import json
import random
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.experiment.interrupted import Ending, Moment, begin_command, run_command
from tests.tiny_project import N_TRAIN
from toolkit.train.checkpoint import load_checkpoint


def digests(project: Path, pattern: str) -> dict[str, str]:
    """Return name -> digest of the content; of a checkpoint, whose file has times, of weights."""
    found = {}
    for path in sorted(project.glob(pattern)):
        if path.is_file():
            content = weights(path) if path.suffix == ".pt" else path.read_bytes()
            # A score that is recorded after a kill was uploaded some seconds later.
            content = re.sub(rb'"uploaded": "[^"]*"', b'"uploaded": "then"', content)
            found[str(path.relative_to(project))] = hashlib.sha256(content).hexdigest()
    return found


def weights(path: Path) -> bytes:
    state = load_checkpoint(path).model_state
    return b"".join(name.encode() + state[name].numpy().tobytes() for name in sorted(state))


def newest_run(name: str) -> Callable[[Path], object]:
    """Look at the newest run of a recipe, whatever its number: a killed start keeps its number."""

    def look(project: Path) -> object:
        run = max(project.glob(f"runs/{name}-[0-9]*")).name
        found = digests(project, f"runs/{run}/best.pt") | digests(project, f"runs/{run}/last.pt")
        found = {Path(path).name: digest for path, digest in found.items()}
        return found, (project / "submissions" / f"{run}.csv").read_bytes()

    return look


def training_maps(project: Path) -> object:
    """Look at the maps of the training images."""
    return [
        (index.parent / "maps.bin").read_bytes()
        for index in project.glob(".trash/stores/*/index.json")
        if len(json.loads(index.read_text())["file_names"]) == N_TRAIN
    ]


def files(pattern: str) -> Callable[[Path], object]:
    return lambda project: digests(project, pattern)


@dataclass(frozen=True)
class Job:
    """A command that is disturbed.

    Attributes:
        command: its words.
        look: returns what it made, in a form that can be compared.
        again: words added when it is run again.
        kills: how often it is killed by default.
    """

    command: tuple[str, ...]
    look: Callable[[Path], object]
    again: tuple[str, ...] = ()
    kills: int = 3


SIDE_CAR = "submissions/merged.json"
RECORDED = ("submissions/tiny-001.json", "records/*/tiny-001-*.json")
JOBS = {
    "demo": Job(
        ("data", "demo", "data/new", "--train", "3", "--val", "2", "--test", "2", "--size", "48"),
        files("data/new/**/*"),
        kills=1,
    ),
    "split": Job(
        ("data", "split", "tiny", "-o", "folds.json", "--folds", "2"), files("folds.json"), kills=1
    ),
    "bank": Job(("data", "objects", "cut", "bank"), files(".trash/objects/*/*"), kills=2),
    "training": Job(("recipe", "run", "again"), newest_run("again"), ("--resume",), kills=2),
    "stages": Job(("recipe", "run", "staged"), newest_run("staged"), ("--resume",), kills=1),
    "prediction": Job(("predict", "tiny-001", "--split", "train"), training_maps),
    "submission": Job(
        ("submit", "--ensemble", "tiny-001", "tiny-001@hflip", "-o", "submissions/both.csv"),
        files("submissions/both.csv"),
        ("--overwrite",),
    ),
    "merge": Job(
        (
            "submission",
            "merge",
            "submissions/tiny-001.csv",
            "submissions/copy.csv",
            "-o",
            "submissions/merged.csv",
        ),
        files("submissions/merged.csv"),
        ("--overwrite",),
    ),
    "record": Job(
        ("submission", "record", "submissions/tiny-001.csv", "--public", "0.5"),
        lambda project: [digests(project, each) for each in RECORDED],
        kills=1,
    ),
}


@pytest.fixture(scope="module")
def undisturbed(
    finished: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[object, Ending]]:
    """Return what a job leaves that nobody disturbs, and how it ends."""
    known: dict[str, tuple[object, Ending]] = {}

    def run(name: str) -> tuple[object, Ending]:
        if name not in known:
            project = tmp_path_factory.mktemp(name) / "project"
            shutil.copytree(finished, project)
            ending = run_command(project, list(JOBS[name].command))
            assert ending.code == 0, ending.told
            known[name] = JOBS[name].look(project), ending
        return known[name]

    return run


def moments(name: str, kills: int, whole: Ending) -> Iterator[Moment]:
    """Yield moments over a whole command: at every other one, an operation on a file."""
    chance = random.Random(f"{name} {kills}")
    for number in range(kills):
        if number % 2:
            yield Moment("killed", seconds=max(1e-3, chance.uniform(0, whole.seconds)))
        else:
            # The first lands for sure: some files are written only by the first command that sees
            # a photo.
            last = whole.operations if number else max(1, whole.operations // 2)
            yield Moment("killed", operation=chance.randint(1, last))


def finish(project: Path, job: Job) -> None:
    """Run a job that was disturbed to its end, as its user would."""
    ending = run_command(project, [*job.command, *job.again])
    if "nothing to resume" in ending.told:
        ending = run_command(project, list(job.command))
    assert ending.code == 0, ending.told


def kill(
    name: str, kills: int, finished: Path, tmp_path: Path, expected: object, whole: Ending
) -> None:
    job, landed = JOBS[name], 0
    for number, moment in enumerate(moments(name, kills, whole)):
        project = tmp_path / str(number) / "project"
        shutil.copytree(finished, project)
        ending = run_command(project, list(job.command), moment)
        landed += ending.code < 0
        assert ending.code <= 0, ending.told
        if ending.code < 0:
            finish(project, job)
        assert job.look(project) == expected, moment
        # Runs without an epoch are removed by the next one that begins a minute later.
        begun = [path.parent for path in project.glob("runs/*/state.pt")]
        leftovers = {
            path.name
            for path in project.rglob("*")
            if path.name.startswith((".tmp.", ".lock."))
            and (path.parent.parent.name != "runs" or path.parent in begun)
        }
        assert not leftovers, moment
        shutil.rmtree(project.parent)
    assert landed  # a moment may come too late


@pytest.mark.parametrize("name", JOBS)
def test_a_killed_command_ends_as_one_that_was_not(
    name: str, finished: Path, undisturbed: Callable[[str], tuple[object, Ending]], tmp_path: Path
) -> None:
    kill(name, JOBS[name].kills, finished, tmp_path, *undisturbed(name))


def test_a_run_killed_in_every_stage_repeats_none(finished: Path, tmp_path: Path) -> None:
    whole, project = tmp_path / "whole", tmp_path / "project"
    for folder in (whole, project):
        shutil.copytree(finished, folder)
    assert run_command(whole, ["recipe", "run", "rounds"]).code == 0
    stages = ["rounds.round-0-001", "rounds.round-1-001", "rounds-001"]
    kept: dict[Path, int] = {}
    for number, run_dir in enumerate(stages):
        # In its second epoch; then while the labels are made that the next stage needs.
        for below, operation in ((f"runs/{run_dir}/state.pt", 2), (".trash/pseudo", 3)):
            if below == ".trash/pseudo" and number == len(stages) - 1:
                continue
            moment = Moment("killed", operation=operation, below=below)
            ending = run_command(project, ["recipe", "run", "rounds", "--resume"], moment)
            assert ending.code == -signal.SIGKILL, ending.told
            assert {path: path.stat().st_mtime_ns for path in kept} == kept
        best = project / "runs" / run_dir / "best.pt"
        kept[best] = best.stat().st_mtime_ns
    ending = run_command(project, ["recipe", "run", "rounds", "--resume"])
    assert ending.code == 0, ending.told
    assert {path.name for path in (project / "runs").iterdir()} == {"tiny-001", *stages}
    for pattern in ("runs/rounds*/best.pt", "submissions/rounds-001.csv"):
        assert digests(project, pattern) == digests(whole, pattern)


@pytest.mark.long
@pytest.mark.parametrize("name", JOBS)
def test_commands_killed_510_times_end_as_ones_that_were_not(
    name: str, finished: Path, undisturbed: Callable[[str], tuple[object, Ending]], tmp_path: Path
) -> None:
    kill(name, JOBS[name].kills * 30, finished, tmp_path, *undisturbed(name))


REFUSALS = [
    ("training", errno.ENOSPC, ""),
    ("stages", errno.ENOSPC, ""),
    ("prediction", errno.ENOSPC, ""),
    ("training", errno.EACCES, "runs"),
    ("submission", errno.EROFS, "submissions"),
    ("bank", errno.EROFS, ".trash"),
    ("demo", errno.ENOSPC, ""),
    ("record", errno.ENOSPC, ""),
    ("split", errno.EROFS, ""),
]


@pytest.mark.parametrize(("name", "code", "folder"), REFUSALS)
def test_a_disk_that_refuses_is_told_and_what_was_finished_is_kept(
    name: str,
    code: int,
    folder: str,
    finished: Path,
    tmp_path: Path,
    undisturbed: Callable[[str], tuple[object, Ending]],
) -> None:
    expected, whole = undisturbed(name)
    project = tmp_path / "project"
    shutil.copytree(finished, project)
    before = digests(project, "**/*.csv") | digests(project, "runs/tiny-001/best.pt")
    chance = random.Random(f"{name} {code}")
    refused = Moment(
        "refused",
        # Early: what a cache still knew would end the command before a later one.
        operation=chance.randint(1, max(1, whole.operations // 4)),
        errno=code,
        folder=str(project / folder),
    )
    ending = run_command(project, list(JOBS[name].command), refused)
    assert ending.code == 1, ending.told
    assert "mistake in the program" not in ending.told
    assert "error: " in ending.told
    assert "Traceback" not in ending.told
    after = digests(project, "**/*.csv") | digests(project, "runs/tiny-001/best.pt")
    assert before.items() <= after.items()
    finish(project, JOBS[name])
    assert JOBS[name].look(project) == expected


@pytest.mark.parametrize("name", ["training", "stages", "bank", "prediction"])
def test_a_data_folder_that_vanishes_is_told(
    name: str, finished: Path, tmp_path: Path, undisturbed: Callable[[str], tuple[object, Ending]]
) -> None:
    expected, _ = undisturbed(name)
    project = tmp_path / "project"
    shutil.copytree(finished, project)
    shutil.rmtree(project / ".trash")  # or the photos are not needed
    data = project / "data" / "demo"
    ending = run_command(
        project, list(JOBS[name].command), Moment("vanished", operation=2, folder=str(data))
    )
    assert ending.code in (1, 2), ending.told
    assert "data/demo" in ending.told
    assert "mistake in the program" not in ending.told
    data.with_name("demo-gone").rename(data)
    finish(project, JOBS[name])
    assert JOBS[name].look(project) == expected


CROWDS = {
    "one cache and run number": (JOBS["training"].command, JOBS["training"].command),
    "one store": (JOBS["prediction"].command, JOBS["prediction"].command),
    "one bank": (JOBS["bank"].command, JOBS["bank"].command),
    "one side-car": (
        JOBS["record"].command,
        ("submission", "record", "submissions/tiny-001.csv", "--private", "0.25"),
    ),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_two_at_once_do_what_two_in_turn_do(crowd: str, finished: Path, tmp_path: Path) -> None:
    first, second = map(list, CROWDS[crowd])
    project, in_turn = tmp_path / "project", tmp_path / "in-turn"
    for folder in (project, in_turn):
        shutil.copytree(finished, folder)
        shutil.rmtree(folder / ".trash")
    whole = run_command(in_turn, first)
    assert whole.code == 0, whole.told
    assert run_command(in_turn, second).code == 0
    # The first stops in the middle until the second is done, or waits for it.
    paused = begin_command(project, first, Moment("paused", operation=1 + whole.operations // 3))
    paused.wait_until_paused()
    other = begin_command(project, second)
    other.wait_a_little()
    paused.go_on()
    for running in (paused, other):
        ending = running.end()
        assert ending.code == 0, ending.told
    assert results(project) == results(in_turn)


def results(project: Path) -> object:
    """Return all that commands made, whichever came first."""
    patterns = (
        "submissions/*.csv",
        *RECORDED,
        "runs/*/best.pt",
        ".trash/objects/*/*",
    )
    maps = sorted(path.read_bytes() for path in project.glob(".trash/stores/*/maps.bin"))
    return [digests(project, pattern) for pattern in patterns], maps
