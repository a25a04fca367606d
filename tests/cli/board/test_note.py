"""`trash board note`: what people say about cards and runs of anybody."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run


def test_notes_of_two_people_stand_on_a_card_in_their_order(desk: Any) -> None:
    card = desk.json("plan", "Dice", "--tag", "loss")["record"]
    before = {path: Path(path).read_bytes() for path in desk.files()}
    desk.json("note", card, "too slow?", "--tag", "speed", author="Bo")
    desk.json("note", "Dice", "no", author="김철수")
    found = desk.card(card)
    assert [(note["author"], note["text"]) for note in found["notes"]] == [
        ("Bo", "too slow?"),
        ("김철수", "no"),
    ]
    assert found["tags"] == ["loss", "speed"]
    # Nobody's file was changed.
    assert {path: Path(path).read_bytes() for path in before} == before
    assert len(desk.files()) == len(before) + 2


def test_dropped_and_taken_up_again(desk: Any) -> None:
    card = desk.json("plan", "Dice")["record"]
    assert desk.json("note", card, "worse", "--drop", author="Bo")["dropped"] is True
    assert desk.card(card)["status"] == "dropped"
    desk.json("note", card, "--no-drop")
    assert desk.card(card)["status"] == "planned"
    desk.json("note", card, "a word more")
    assert desk.card(card)["status"] == "planned"


def test_a_run_is_noted_by_any_of_its_names(desk: Any) -> None:
    name = desk.team.run("Bo", "small/unet", 3, 0.6, public=0.5)
    file = f"records/{name}.json"
    for about in (name, file, name.rpartition("-")[2], "unet-000"):
        assert desk.json("note", about, "seen")["about"] == name
    assert len(desk.card(name)["notes"]) == 4
    desk.capsys.readouterr()
    assert run(["run", "show", name]) == 0
    assert desk.capsys.readouterr().out.count("seen") == 4
    # A submission is named by its record, for instance; the run's card has the note too.
    (submission,) = [each for each in desk.card(name)["records"] if each != name]
    assert desk.json("note", submission, "uploaded")["about"] == submission
    assert desk.card(name)["notes"][-1]["text"] == "uploaded"
    # A dropped run counts no more for its idea.
    idea = desk.team.plan("Ann", "U-Net", 9, "small/unet")
    worse = desk.team.run("Bo", "small/unet", 2, 0.5)
    desk.json("note", name, "trained on the test split", "--drop")
    assert (desk.card(idea)["status"], desk.card(idea)["validation"]) == ("done", 0.5)
    desk.json("note", worse, "--drop")
    assert desk.card(idea)["status"] == "dropped"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("unett-000", "x"), "there is no record of a card or run unett-000"),
        (("unett-000", "x"), "Did you mean unet-000?"),
        (("unet-000",), "the note is empty"),
        (("unet-000", " \n "), "the note is empty"),
        (("unet-000", "z" * 4001), "at most 4000 letters, this one has 4001"),
        (("unet", "x"), "may mean 2 records"),
        (("records/bo/broken-1.json", "x"), "broken-1.json:1: record is not valid JSON"),
        (("zzz", "x"), "List them: trash board list"),
    ],
)
def test_what_is_no_note(desk: Any, words: tuple[str, ...], message: str) -> None:
    desk.team.run("Bo", "unet", 3, 0.6)
    desk.team.run("Bo", "unet", 3, 0.6)
    (desk.root / "records" / "bo" / "broken-1.json").write_text("{")
    assert message in desk.refused("note", *words)


def test_notes_are_no_runs_and_a_note_on_nothing_hides_nothing(desk: Any) -> None:
    name = desk.team.run("Bo", "unet", 3, 0.6)
    note = desk.json("note", name, "x")
    Path(note["file"]).write_text(Path(note["file"]).read_text().replace(name, "bo/gone-1"))
    assert desk.card(name)["notes"] == []
    desk.capsys.readouterr()
    assert run(["run", "list", "--json"]) == 0
    assert [row["record"] for row in json.loads(desk.capsys.readouterr().out)] == [name]
    assert "is no record of a card or run" in desk.refused("note", note["file"], "on a note")


def test_text_that_is_no_unicode_is_kept_as_well_as_it_can(desk: Any) -> None:
    broken = os.fsdecode(b"caf\xe9")
    card = desk.json("plan", broken)["record"]
    assert desk.card(card)["title"] == "caf?"
