"""The small committed file that every run, series and submission of the team leaves behind.

It is called `records/AUTHOR/NAME-DIGITS.json`. The digits are drawn anew for each of them, so that
no two members ever write one file: what they commit never conflicts.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from toolkit.file_schema import FileLayout, PathText
from toolkit.files import write_json_atomic
from toolkit.metrics.counts_file import SUFFIX as COUNTS
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.project import Project
from toolkit.records.author import author_slug
from toolkit.records.card import CardRecord, NoteRecord
from toolkit.records.record_name import RecordName

SUFFIX = ".json"
VERSION = 1
MOST_CHANGED = 50
"""Changed files that are named; of more the number is told."""

_STRICT = ConfigDict(extra="forbid")
_LONGEST_NAME = 150
"""Bytes of a recipe's name in the name of a file."""

Status = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True, config=_STRICT)
class CodeUsed:
    """The code that something was made by.

    Attributes:
        trash: version of the toolkit.
        commit: of the project's repository; None = there is none, or git cannot say.
        changed: the first files that differed from the commit.
        n_changed: number of all of them; None = git cannot say.
    """

    trash: str
    commit: str | None = None
    changed: tuple[str, ...] = ()
    n_changed: int | None = None


@dataclass(frozen=True, config=_STRICT)
class SplitFacts:
    """The images of a split: their number, digests of its annotations and of its photos."""

    images: int
    digest: str
    photos: str = ""


@dataclass(frozen=True, config=_STRICT)
class PluginFacts:
    """Version and digest of the code of a plugin that takes part."""

    version: str | None = None
    digest: str | None = None


@dataclass(frozen=True, config=_STRICT)
class ScoresByMetric:
    """Scores of one thing.

    Attributes:
        metric: name of the contest's metric, which decides.
        larger_is_better: whether a larger score by it is the better one.
        validation: score by every metric on the validation split; None where it has none.
        test: the same on the test split, where its truth is known.
    """

    metric: str = DEFAULT_METRIC
    larger_is_better: bool = True
    validation: dict[str, float | None] = Field(default_factory=dict)
    test: dict[str, float | None] = Field(default_factory=dict)

    def deciding(self, split: Literal["validation", "test"]) -> float | None:
        """Return the score by the metric that decides."""
        scores: dict[str, float | None] = getattr(self, split)
        return scores.get(self.metric)


@dataclass(frozen=True, config=_STRICT)
class RunOutcome:
    """How a finished run ended.

    Attributes:
        scores: its scores.
        best_epoch: epoch of its best checkpoint, counted from 1.
        epochs: number of finished epochs.
        seconds: that all epochs took together; None = not known.
        submission: digest of its submission file; None without a test split.
    """

    scores: ScoresByMetric
    best_epoch: int
    epochs: int
    seconds: float | None = None
    submission: str | None = None


@dataclass(frozen=True, config=_STRICT)
class RunRecord:
    """One execution of a recipe.

    Attributes:
        author: name of who ran it.
        name: of the folder below `runs/` on the author's machine.
        recipe: the recipe, relative to the project folder.
        title: of the recipe.
        options: `--set` and `--unset` that it was run with, as words of a command.
        own: dotted key -> value of what the recipe's file says in place of those that it extends.
        values: every value of the recipe, enough to run it again without its file.
        seed: of the recipe.
        training: digest of all that decides its weights.
        result_key: digest of all that decides its scores.
        started: UTC, ISO 8601.
        code: the code that it ran by.
        packages: version of each package that took part.
        python: version.
        machine: system and processor.
        device: "cpu", "cuda", "mps", as far as it is known.
        data: "train", "val" or "test" -> its images.
        plugins: name of each plugin that takes part -> its code.
        inputs: name of each stage or file that it needs -> key or digest.
        parents: pseudo-labels and weights that it was made from.
        status: how far it is.
        ended: UTC, ISO 8601; None = not yet.
        error: why it failed.
        outcome: how it ended, once it is finished.
        reproduces: the record that it was to reproduce.
    """

    author: str
    name: str
    recipe: PathText
    title: str
    options: tuple[str, ...]
    own: dict[str, Any]
    values: dict[str, Any]
    seed: int
    training: str
    result_key: str
    started: str
    code: CodeUsed
    packages: dict[str, str]
    python: str
    machine: str
    device: str
    data: dict[str, SplitFacts]
    plugins: dict[str, PluginFacts]
    inputs: dict[str, str]
    parents: tuple[dict[str, Any], ...]
    status: Status
    ended: str | None = None
    error: str | None = None
    outcome: RunOutcome | None = None
    reproduces: RecordName | None = None
    kind: Literal["run"] = "run"


@dataclass(frozen=True, config=_STRICT)
class SeriesRecord:
    """One recipe that was run with several seeds or folds.

    Attributes:
        author: name of who ran it.
        name: of the series on the author's machine.
        recipe: the recipe, relative to the project folder.
        title: of the recipe.
        options: `--set` and `--unset` that its first run had, as words of a command.
        created: UTC, ISO 8601.
        code: the code that it ran by.
        summary: its scores, as the author's `runs/NAME.json` holds them; paths are relative to the
            project folder.
    """

    author: str
    name: str
    recipe: PathText
    title: str
    options: tuple[str, ...]
    created: str
    code: CodeUsed
    summary: dict[str, Any]
    kind: Literal["series"] = "series"


@dataclass(frozen=True, config=_STRICT)
class StudyRecord:
    """Variants of one recipe, or several recipes, that were compared with several seeds.

    Attributes:
        author: name of who ran it.
        name: of the study.
        study: its file, relative to the project folder; None = recipes without a study.
        title: of the study.
        created: UTC, ISO 8601.
        code: the code that it ran by.
        metric: by which its variants are compared.
        larger_is_better: whether a larger score by it is the better one.
        rows: variants with mean, spread, gain and runs, the first is the baseline, as
            `trash study run --json` prints them.
    """

    author: str
    name: str
    study: PathText | None
    title: str
    created: str
    code: CodeUsed
    metric: str
    larger_is_better: bool
    rows: tuple[dict[str, Any], ...]
    kind: Literal["study"] = "study"


@dataclass(frozen=True, config=_STRICT)
class MemberOrigin:
    """Where a member of a submission comes from: its run with recipe and training, if known."""

    digest: str
    run: str | None = None
    recipe: PathText | None = None
    training: str | None = None
    record: RecordName | None = None


@dataclass(frozen=True, config=_STRICT)
class SubmissionRecord:
    """One submission file.

    Attributes:
        author: name of who made it.
        digest: of the file.
        created: UTC, ISO 8601.
        code: the code that made it.
        members: where its checkpoints come from, in the order of the side-car.
        side_car: the content of its side-car, with the leaderboard's scores.
    """

    author: str
    digest: str
    created: str
    code: CodeUsed
    members: tuple[MemberOrigin, ...]
    side_car: dict[str, Any]
    kind: Literal["submission"] = "submission"


Record = RunRecord | SeriesRecord | StudyRecord | SubmissionRecord | CardRecord | NoteRecord

_LAYOUT: FileLayout[Record] = FileLayout(
    what="record",
    schema="trash-record",
    version=VERSION,
    content=TypeAdapter(Annotated[Record, Field(discriminator="kind")]),
    origin="Records are written by trash recipe run, submit, submission and board.",
    repair="Take the file as it is in git: git checkout -- FILE",
)


def new_record_name(author: str, name: str) -> str:
    """Return an unused name: "AUTHOR/NAME-DIGITS", as git shows it, without the ending.

    Args:
        author: name of the author.
        name: of the recipe or submission.
    """
    # Drawn, not computed: two machines of one author may start the same recipe in one second.
    short = name.encode("utf-8", "replace")[:_LONGEST_NAME].decode("utf-8", "ignore")
    return f"{author_slug(author)}/{short}-{secrets.token_hex(4)}"


def record_path(project: Project, name: str) -> Path:
    """Return the file of a record of this name."""
    return project.records / f"{name}{SUFFIX}"


def record_name(path: Path) -> str:
    """Return the name of a record's file: "AUTHOR/NAME-DIGITS"."""
    return PurePosixPath(path.parent.name, path.name.removesuffix(SUFFIX)).as_posix()


def record_counts(path: Path) -> Path:
    """Return where the counts of a submission's images lie: beside its record."""
    return path.with_name(path.name.removesuffix(SUFFIX) + COUNTS)


def write_record(path: Path, record: Record) -> None:
    """Write a record; one that is there is replaced whole."""
    write_json_atomic(path, _LAYOUT.header | as_json(record))


def as_json(record: Record) -> dict[str, Any]:
    """Return a record as plain values."""
    content: dict[str, Any] = TypeAdapter(type(record)).dump_python(record, mode="json")
    return content


def read_record(path: Path) -> Record:
    """Read a record.

    Raises:
        UsageError: missing, not JSON, of another version, or a value is wrong or missing.
    """
    return _LAYOUT.read(path)


def record_files(project: Project) -> list[Path]:
    """Return the files of all records, in the order of their names."""
    found = []
    for author in _entries(project.records):
        if author.is_dir():
            found += [Path(each) for each in _entries(author.path) if each.name.endswith(SUFFIX)]
    return sorted(found)


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [each for each in entries if not each.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []
