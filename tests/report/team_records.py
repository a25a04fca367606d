"""A team in the last week of a contest, as records tell it: written by hand, nothing is trained.

`python -m tests.report.team_records FOLDER` writes it as a project, of which docs/board.jpg is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tests.cli.run.conftest import RUN, outcome
from toolkit.metrics.scores import Scores, score_counts
from toolkit.plugin.component import ComponentSpec
from toolkit.project import Project
from toolkit.records.card import CardRecord, NoteRecord
from toolkit.records.record import (
    CodeUsed,
    MemberOrigin,
    Record,
    SeriesRecord,
    SubmissionRecord,
    new_record_name,
    record_path,
    write_record,
)
from toolkit.submission.side_car import Leaderboard, SideCar, SideCarMember


def scores(mean_iou: float) -> Scores:
    """Scores of which only the mean is looked at."""
    return replace(score_counts(np.array([[[1, 0], [0, 1]]])), mean_iou=mean_iou)


CODE = CodeUsed("0.1.0", "c0ffee0123456789")


@dataclass
class Team:
    """A project with records; times are hours ago."""

    root: Path
    digests: dict[str, str] = field(default_factory=dict)

    def ago(self, hours: float) -> str:
        return (datetime.now(UTC) - timedelta(hours=hours)).isoformat(timespec="seconds")

    def write(self, author: str, stem: str, record: Record) -> str:
        name = new_record_name(author, stem)
        write_record(record_path(Project(self.root), name), record)
        return name

    def run(
        self,
        author: str,
        recipe: str,
        hours: float,
        score: float | None = None,
        public: float | None = None,
        **values: Any,
    ) -> str:
        """Write the record of a run, and with a public score that of its submission."""
        stem = Path(recipe).stem
        digest = f"{len(self.digests):032x}"
        if score is not None:
            found = outcome(score)
            values["outcome"] = replace(found, submission=digest if public is not None else None)
        record = replace(
            RUN,
            author=author,
            recipe=f"recipes/{recipe}.toml",
            started=self.ago(hours),
            **({"name": f"{stem}-{len(self.digests):03d}", "status": "finished"} | values),
        )
        name = self.write(author, stem, record)
        self.digests[name] = digest
        if public is not None:
            self.submit(author, record.name, hours - 1, score, public, [name], digest=digest)
        return name

    def submit(
        self,
        author: str,
        file: str,
        hours: float,
        score: float | None,
        public: float | None,
        members: Sequence[str],
        private: float | None = None,
        digest: str | None = None,
        combine: str = "mean",
    ) -> str:
        """Write the record of a submission of runs, which are named by their records."""
        digest = digest or f"{1000 + len(self.digests):032x}"
        self.digests[file] = digest
        runs = [name.rpartition("-")[0].rpartition("/")[2] for name in members]
        side_car = SideCar(
            file=f"{file}.csv",
            digest=digest,
            n_rows=837,
            format=ComponentSpec(name="mask_string"),
            test="data/test.json",
            sample_submission=None,
            class_names=("Background", "UNKNOWN", "Paper"),
            overlap="max-id",
            class_shares=(0.7, 0.1, 0.2),
            members=tuple(
                SideCarMember(
                    f"runs/{run}/best.pt", name, ComponentSpec(name="unet"), (32, 32), "none", {}
                )
                for run, name in zip(runs, members, strict=True)
            ),
            combine=ComponentSpec(name=combine),
            postprocess=(),
            validation=None if score is None else scores(score),
            score=None,
            created=self.ago(hours),
            command="trash submit",
            versions={},
            leaderboard=Leaderboard(
                public, private, None if public is None else self.ago(max(hours - 0.5, 0))
            ),
        )
        origins = tuple(MemberOrigin(name, record=name) for name in members)
        record = SubmissionRecord(
            author, digest, side_car.created, CODE, origins, side_car.as_json()
        )
        return self.write(author, file, record)

    def series(self, author: str, recipe: str, hours: float, runs: Sequence[str]) -> str:
        """Write the record of a series of runs, which are named by their records."""
        summary = {
            "metric": "miou",
            "runs": [{"run": name, "record": name} for name in runs],
            "validation": {"mean": 0.641, "deviation": 0.006},
            "out_of_fold": asdict(scores(0.652)),
        }
        stem = Path(recipe).stem + ".folds"
        record = SeriesRecord(
            author,
            stem,
            f"recipes/{recipe}.toml",
            "PAN, five folds",
            (),
            self.ago(hours),
            CODE,
            summary,
        )
        return self.write(author, stem, record)

    def plan(
        self, author: str, title: str, hours: float, recipe: str | None = None, **values: Any
    ) -> str:
        """Write a card."""
        kept = {"text": "", "tags": ()} | values
        path = None if recipe is None else f"recipes/{recipe}.toml"
        record = CardRecord(
            author=author, title=title, recipe=path, created=self.ago(hours), **kept
        )
        return self.write(author, "card", record)

    def note(self, author: str, about: str, text: str, hours: float, **values: Any) -> str:
        """Write a note."""
        kept: dict[str, Any] = {"tags": (), "dropped": None} | values
        record = NoteRecord(author=author, about=about, text=text, created=self.ago(hours), **kept)
        return self.write(author, "note", record)


def write_team(root: Path) -> Team:
    """Write the records of six people: ideas, runs, series, submissions and notes."""
    team = Team(root)
    (root / "recipes").mkdir(parents=True, exist_ok=True)
    (root / "recipes" / "contest.toml").write_text(
        '[leaderboard]\nper_day = 10\ntime_zone = "Asia/Seoul"\n'
    )
    kim, oh, lee, park, choi, bae = "김하나", "오세린", "이도윤", "Park J.", "Choi M.", "Bae S."
    base = team.run(park, "fcn8s", 200, 0.4312, 0.4203, title="FCN-8s, the organisers' baseline")
    team.run(lee, "lee/deeplab", 180, 0.5524, 0.5398, title="DeepLabV3+, EfficientNet-B3")
    pan = team.plan(oh, "PAN with EfficientNet-B3", 176, "oh/pan_b3", tags=("model",))
    pan_run = team.run(oh, "oh/pan_b3", 170, 0.5871, 0.5802, title="PAN", own={"model.name": "pan"})
    team.note(park, pan_run, "converges in half the epochs of DeepLab", 160, tags=("fast",))
    unet = team.plan(
        kim,
        "UNet++ with EfficientNet-B3",
        150,
        "kim/unetpp",
        text="Dense skips should help small objects (Battery, UNKNOWN).",
        tags=("model",),
    )
    first = team.run(
        kim, "kim/unetpp", 140, 0.6189, 0.6102, title="UNet++", own={"model.name": "unetpp"}
    )
    hrnet = team.run(
        bae,
        "bae/hrnet_ocr",
        132,
        0.6254,
        0.6189,
        title="HRNet-W48 + OCR",
        own={"model.name": "hrnet_ocr", "train.epochs": 50},
    )
    mix = team.plan(
        bae,
        "Object mix: paste rare classes",
        120,
        "bae/hrnet_mix",
        text="UNKNOWN and Battery are 0.3 % of all pixels. Cut them out and paste 1 to 3 an image.",
        tags=("augment", "rare-classes"),
    )
    mixed = team.run(
        bae,
        "bae/hrnet_mix",
        110,
        0.6430,
        0.6402,
        title="HRNet + OCR, object mix",
        own={"objects.bank": "objects/train", "augment.mix": ["object_mix"]},
        parents=({"kind": "start", "checkpoint": "runs/hrnet_ocr/best.pt", "record": hrnet},),
    )
    team.note(oh, mixed, "Battery +0.11, all others within noise. Keep.", 100, tags=("keep",))
    dice = team.plan(lee, "Dice in place of cross-entropy", 96, "lee/dice", tags=("loss",))
    team.run(lee, "lee/dice", 92, 0.5217, title="Dice alone", own={"loss.name": "dice"})
    team.note(
        lee, dice, "Worse by 0.03: small classes vanish. 0.75 focal + 0.25 Dice is better.", 90
    )
    team.note(lee, dice, "", 89, dropped=True)
    team.run(
        choi,
        "choi/madgrad",
        80,
        title="MADGRAD",
        own={"optimizer.name": "madgrad"},
        status="failed",
        error="the loss became nan in epoch 3",
    )
    folds = [
        team.run(oh, "oh/pan_folds", 78 - number, 0.63 + number / 200, title="PAN, five folds")
        for number in range(5)
    ]
    team.series(oh, "oh/pan_folds", 70, folds)
    pseudo = team.plan(
        kim,
        "Pseudo-labels from HRNet and UNet++",
        64,
        "kim/unetpp_pseudo",
        text="Label the 837 test images with the two best networks, keep what they agree about.",
        tags=("pseudo", "model"),
    )
    labelled = {
        "kind": "pseudo-labels",
        "checkpoints": [
            {"checkpoint": "runs/hrnet_mix/best.pt", "record": mixed},
            {"checkpoint": "runs/unetpp/best.pt", "record": first},
        ],
    }
    best = team.run(
        kim,
        "kim/unetpp_pseudo",
        50,
        0.6602,
        0.7098,
        title="UNet++, pseudo-labels",
        own={"pseudo.teachers": ["bae/hrnet_mix", "kim/unetpp"]},
        parents=(labelled,),
    )
    second = team.run(
        bae,
        "bae/hrnet_mix_pseudo",
        44,
        0.6571,
        0.7146,
        title="HRNet + OCR, object mix, pseudo-labels",
        own={"pseudo.teachers": ["bae/hrnet_mix", "kim/unetpp"]},
        parents=(labelled,),
    )
    team.note(kim, pseudo, "hflip * rotate90: 0.7098 → 0.7147 without training anything", 40)
    ensemble = team.submit(
        kim, "hrnet_unetpp", 6, 0.6702, 0.7205, [second, best], combine="geometric"
    )
    team.note(bae, ensemble, "0.7170 + 0.7147 → 0.7205. Our best so far.", 3, tags=("final",))
    team.submit(park, "everything", 4, 0.6655, 0.7159, [second, best, pan_run, base])
    team.run(
        choi, "choi/unetpp_b5", 9, title="UNet++, EfficientNet-B5", status="running", ended=None
    )
    team.run(park, "park/segformer", 150, title="SegFormer-B3", status="running", ended=None)
    team.plan(
        oh,
        "Stacking: fit weights of classes on out-of-fold maps",
        30,
        "oh/stacking",
        tags=("ensemble",),
        text="trash ensemble search with the five PAN folds and both HRNets.",
    )
    team.plan(park, "CRF after the ensemble, not before", 26, tags=("postprocess",))
    team.plan(choi, "작은 물체: 768 px 학습", 22, "choi/large", tags=("rare-classes",))
    team.note(lee, unet, "UNKNOWN is still 0.14; look at the labels first (trash data report)", 20)
    team.note(oh, pan, "The five folds replace it in the ensemble.", 18)
    team.note(choi, mix, "paste at most 2, more of them look wrong", 16)
    return team


if __name__ == "__main__":
    write_team(Path(sys.argv[1]))
