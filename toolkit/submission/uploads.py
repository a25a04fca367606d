"""The budget of daily submissions: how many uploads of a day are recorded and how many left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from toolkit.project import Project
from toolkit.recipe.leaderboard_rules import LeaderboardRules, leaderboard_rules
from toolkit.records.moment import moment_of
from toolkit.submission.history import Submission, read_submissions
from toolkit.wording import counted


@dataclass(frozen=True)
class Uploads:
    """The recorded uploads of one day of the contest.

    Attributes:
        day: as in "2026-11-02".
        time_zone: where it begins at midnight.
        uploaded: number of files whose public score was first recorded on it.
        per_day: number of files that the contest takes on a day; None = the recipes do not say.
        by_member: name -> number of files, most first; a file that several made counts for each.
        doubts: what the recipes say differently.
    """

    day: str
    time_zone: str
    uploaded: int
    per_day: int | None
    by_member: dict[str, int]
    doubts: tuple[str, ...] = ()

    @property
    def is_exceeded(self) -> bool:
        """Whether more uploads are recorded than the contest takes."""
        return self.per_day is not None and self.uploaded > self.per_day

    def __str__(self) -> str:
        when = f"{self.day} ({self.time_zone})"
        if self.per_day is None:
            return f"{counted(self.uploaded, 'upload', 'uploads')} of {when} recorded"
        told = f"{self.uploaded} of {counted(self.per_day, 'upload', 'uploads')} of {when} recorded"
        if self.is_exceeded:
            return f"{told}: {self.uploaded - self.per_day} more than the contest takes"
        return f"{told}, {self.per_day - self.uploaded} left"


def uploads_today(project: Project, submissions: Sequence[Submission] | None = None) -> Uploads:
    """Return the recorded uploads of the present day of the contest.

    Args:
        project: its recipes say the rules.
        submissions: of the team; None = they are read.
    """
    found = read_submissions(project)[0] if submissions is None else submissions
    rules, doubts = leaderboard_rules(project)
    day, zone = rules.day(datetime.now(UTC))
    # Several side-cars may name one file: it was uploaded once.
    today = {each.side_car.digest: each for each in found if _day(each, rules) == day}
    members = Counter(author for each in today.values() for author in each.authors)
    return Uploads(day, zone, len(today), rules.per_day, dict(members.most_common()), doubts)


def _day(submission: Submission, rules: LeaderboardRules) -> str | None:
    moment = moment_of(submission.side_car.leaderboard.uploaded or "")
    return None if moment is None else rules.day(moment)[0]
