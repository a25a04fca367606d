"""How often the contest takes a submission: what the recipes say, for the whole project."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import PositiveInt, ValidationError, field_validator

from toolkit.errors import UsageError
from toolkit.files import read_toml
from toolkit.project import Project
from toolkit.recipe.section import Section
from toolkit.suggestions import did_you_mean

_UTC = "UTC"
_TABLE = "leaderboard"


class LeaderboardRules(Section):
    """What the contest's leaderboard takes; `trash board` counts by it."""

    per_day: PositiveInt | None = None
    """Submissions that the team may upload on a day, of which `trash board` and `trash submission
    record` say how many are left."""
    time_zone: str = _UTC
    """Where a day of the contest begins at midnight, as in `Asia/Seoul`."""

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        zones = set() if _zone(name) else available_timezones()
        if zones:
            hint = did_you_mean(name, zones)
            raise ValueError(f"there is no time zone {name}. {hint or 'As in: Asia/Seoul'}")
        return name  # a machine without a table of time zones cannot tell

    def day(self, moment: datetime) -> tuple[str, str]:
        """Return the day of the contest on which a moment lies, and in which time zone.

        That is UTC on a machine that does not know the contest's.
        """
        zone = _zone(self.time_zone)
        known = (zone, self.time_zone) if zone else (UTC, _UTC)
        return moment.astimezone(known[0]).date().isoformat(), known[1]


def _zone(name: str) -> tzinfo | None:
    try:
        return UTC if name == _UTC else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # unknown, or no name at all
        return None


def leaderboard_rules(project: Project) -> tuple[LeaderboardRules, tuple[str, ...]]:
    """Return the rules by what the files below `recipes/` say, and what contradicts itself.

    A project is of one contest: one file says it for all, best the one that all others extend.
    Where files differ, the fewest submissions count. A table that is wrong is left out: its recipe
    says so when it is loaded.
    """
    found: dict[LeaderboardRules, str] = {}
    for path in sorted(project.recipes.glob("**/*.toml")):
        try:
            rules = LeaderboardRules.model_validate(read_toml(path, "recipe").get(_TABLE))
        except (UsageError, ValidationError):
            continue
        if rules.per_day is not None:
            found.setdefault(rules, path.relative_to(project.root).as_posix())
    if not found:
        return LeaderboardRules(), ()
    chosen = min(found, key=lambda rules: rules.per_day or 0)
    if len(found) == 1:
        return chosen, ()
    said = [f"{rules.per_day} in {file} ({rules.time_zone})" for rules, file in found.items()]
    return chosen, (f"recipes differ in {_TABLE}.per_day: {', '.join(said)}",)
