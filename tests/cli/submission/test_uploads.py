"""How many submissions of the day are left, as the recipes say how many the contest takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]


def say(desk: Any, name: str, table: str) -> None:
    (desk.root / "recipes").mkdir(exist_ok=True)
    (desk.root / "recipes" / name).write_text(f"[leaderboard]\n{table}\n")


def record(file: str, capsys: Capture, *options: str) -> Any:
    capsys.readouterr()
    assert run(["submission", "record", file, *options, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["uploads"]


def test_the_day_ends_where_the_contest_is(desk: Any, capsys: Capture) -> None:
    say(desk, "base.toml", 'per_day = 2\ntime_zone = "Pacific/Kiritimati"')
    files = [desk.submit(f"{seed}.csv", desk.noisy(seed)) for seed in (1, 2, 3)]
    # A private score alone is known after the contest: nothing was uploaded today.
    assert record(files[0], capsys, "--private", "0.4")["uploaded"] == 0
    found = record(files[0], capsys, "--public", "0.5")
    assert (found["uploaded"], found["per_day"], found["by_member"]) == (1, 2, {"Ann Lee": 1})
    assert found["day"] == str(datetime.now(ZoneInfo("Pacific/Kiritimati")).date())
    # A corrected score is no further upload.
    assert record(files[0], capsys, "--public", "0.51")["uploaded"] == 1
    assert run(["submission", "record", files[1], "--public", "0.6"]) == 0
    assert "2 of 2 uploads of" in (told := capsys.readouterr().err)
    assert "0 left" in told
    assert run(["submission", "record", files[2], "--public", "0.6"]) == 0
    told = capsys.readouterr().err
    assert "warning: 3 of 2 uploads" in told
    assert "1 more than the contest takes" in told


def test_uploads_of_other_days_are_no_longer_counted(desk: Any, capsys: Capture) -> None:
    a, b = (desk.submit(f"{seed}.csv", desk.noisy(seed)) for seed in (1, 2))
    record(a, capsys, "--public", "0.5")
    for path in [*desk.root.glob("submissions/1.json"), *desk.root.glob("records/*/1-*.json")]:
        today = datetime.now(UTC).date().isoformat()
        path.write_text(path.read_text().replace(today, "2026-01-02"))
    found = record(b, capsys, "--public", "0.6")
    assert (found["uploaded"], found["per_day"], found["time_zone"]) == (1, None, "UTC")
    capsys.readouterr()
    assert run(["submission", "record", b, "--public", "0.6"]) == 0
    assert "uploads" not in capsys.readouterr().err


def test_recipes_that_differ_are_told_and_the_fewest_count(desk: Any, capsys: Capture) -> None:
    say(desk, "a.toml", "per_day = 10")
    say(desk, "b.toml", "per_day = 5")
    say(desk, "c.toml", "per_day = -3")
    say(desk, "d.toml", "per_day = 10")
    a = desk.submit("a.csv", desk.noisy(1))
    assert run(["submission", "record", a, "--public", "0.5"]) == 0
    told = capsys.readouterr().err
    assert "1 of 5 uploads" in told
    assert "10 in recipes/a.toml (UTC), 5 in recipes/b.toml (UTC)" in told


def test_a_time_zone_that_there_is_not(desk: Any, capsys: Capture) -> None:
    say(desk, "a.toml", 'time_zone = "Asia/Soul"')
    text = '[data]\nval = "val.json"\n[model]\nname = "unet"\n[loss]\nname = "ce"\n'
    path = desk.root / "recipes" / "a.toml"
    path.write_text(text + path.read_text())
    assert run(["recipe", "show", "a"]) == 2
    told = capsys.readouterr().err
    assert "leaderboard.time_zone" in told
    assert "Did you mean Asia/Seoul?" in told
