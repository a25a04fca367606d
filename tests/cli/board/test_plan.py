"""`trash board plan`: ideas on the wall, from the thought to the finished run."""

from __future__ import annotations

import re
from typing import Any

import pytest


def test_an_idea_is_a_file_of_its_own_and_is_planned(desk: Any) -> None:
    desk.recipe("small/dice")
    title = "Dice:  for\nsmall objects"
    plan = ("plan", title, "--recipe", "dice", "--text", "why", "--tag", "#Loss", "--tag", "LOSS")
    first = desk.json(*plan)
    second = desk.json(*plan)
    assert first["record"] != second["record"]
    assert re.fullmatch(r"ann-lee/dice-for-small-objects-[0-9a-f]{8}", first["record"])
    assert (desk.root / "records" / f"{first['record']}.json").is_file()
    assert first["recipe"] == "recipes/small/dice.toml"
    card = desk.card(first["record"])
    assert (card["kind"], card["status"], card["title"]) == (
        *("idea", "planned", "Dice: for small objects"),
    )
    assert (card["members"], card["tags"], card["text"]) == (["Ann Lee"], ["loss"], "why")
    assert card["recipe"] == "small/dice"


def test_a_run_of_its_recipe_by_whomever_makes_it_running_and_then_done(desk: Any) -> None:
    desk.recipe("dice")
    desk.recipe("other/dice")
    before = desk.team.run("Bo", "dice", 5, 0.9)
    idea = desk.team.plan("Ann Lee", "Dice", 4, "dice")
    other = desk.team.run("Bo", "other/dice", 3, 0.8)
    assert desk.card(idea)["status"] == "planned"
    running = desk.team.run("김철수", "dice", 2, status="running", ended=None)
    assert desk.card(idea)["status"] == "running"
    worse = desk.team.run("Bo", "dice", 1.5, 0.5, own={"loss.name": "dice"})
    best = desk.team.run("Bo", "dice", 1, 0.6, public=0.55, own={"loss.name": "dice"})
    card = desk.card(idea)
    assert card["status"] == "running"
    assert set(card["runs"]) == {running, worse, best}
    assert card["members"][0] == "Ann Lee"
    assert set(card["members"]) == {"Ann Lee", "Bo", "김철수"}
    assert (card["validation"], card["public"]) == (0.6, 0.55)
    assert card["changes"] == ["loss.name=dice"]
    # What was begun before, and a recipe of that name in another folder, are cards of their own.
    assert {card["record"] for card in desk.json("list")} == {before, other, idea}
    path = desk.root / "records" / f"{running}.json"
    path.write_text(path.read_text().replace('"status": "running"', '"status": "failed"'))
    assert desk.card(idea)["status"] == "done"


def test_a_run_belongs_to_the_newest_idea_of_its_recipe(desk: Any) -> None:
    desk.recipe("dice")
    first = desk.team.plan("Ann Lee", "Dice", 9, "dice")
    run = desk.team.run("Bo", "dice", 8, 0.5)
    second = desk.team.plan("Bo", "Dice with another weight", 7, "dice")
    again = desk.team.run("Bo", "dice", 6, 0.6)
    assert desk.card(first)["runs"] == [run]
    assert desk.card(second)["runs"] == [again]


def test_an_idea_whose_runs_all_failed_has_failed(desk: Any) -> None:
    idea = desk.team.plan("Ann Lee", "Dice", 9, "dice")
    desk.team.run("Bo", "dice", 8, status="failed", error="nan")
    assert desk.card(idea)["status"] == "failed"
    desk.team.run("Bo", "dice", 7, status="interrupted")
    assert desk.card(idea)["status"] == "interrupted"


def test_a_recipe_that_is_not_there_yet_is_told_and_linked_later(desk: Any) -> None:
    desk.recipe("small/unet")
    assert desk.trash("plan", "wider", "--recipe", "unett") == 0
    told = desk.capsys.readouterr().err
    assert "no recipe unett yet" in told
    assert "Did you mean recipes/small/unet.toml?" in told
    found = desk.json("plan", "new", "--recipe", "my_idea.toml")
    assert found["recipe"] == "my_idea"
    path = desk.root / "records" / f"{found['record']}.json"
    path.write_text(path.read_text().replace(found["created"], desk.team.ago(5)))
    run = desk.team.run("Bo", "bo/my_idea", 1, 0.5)
    assert desk.card(found["record"])["runs"] == [run]


def test_a_series_is_one_card_with_its_runs(desk: Any) -> None:
    runs = [desk.team.run("Bo", "pan", 8 - seed, 0.6 + seed / 100) for seed in range(3)]
    series = desk.team.series("Bo", "pan", 4, runs)
    desk.team.note("Ann Lee", runs[1], "the best fold", 1, tags=("fold",))
    (card,) = desk.json("list")
    assert (card["record"], card["kind"], card["runs"]) == (series, "series", runs)
    assert (card["validation"], card["tags"]) == (0.641, ["fold"])
    idea = desk.team.plan("Ann Lee", "PAN", 9, "pan")
    (card,) = desk.json("list")
    assert (card["record"], card["status"], card["runs"]) == (idea, "done", [series])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((" \n",), "an idea needs a title"),
        (("x" * 201,), "at most 200 letters, this one has 201"),
        (("idea", "--text", "y" * 4001), "at most 4000 letters, this one has 4001"),
        (("idea", "--tag", " # "), "a tag is empty"),
        (("idea", "--tag", "t" * 41), "at most 40 letters, not 41"),
        (("idea", *(f"--tag={each}" for each in range(21))), "at most 20 tags at once, not 21"),
        (("idea", "--recipe", " "), "names no recipe"),
        (("idea", "--recipe", "unet"), "several recipes are called unet"),
        ((), "Missing argument 'IDEA'"),
    ],
)
def test_what_is_no_idea(desk: Any, words: tuple[str, ...], message: str) -> None:
    desk.recipe("a/unet")
    desk.recipe("b/unet")
    assert message in desk.refused("plan", *words)


def test_what_was_planned_before_is_told(desk: Any) -> None:
    desk.recipe("dice")
    first = desk.json("plan", "Dice", "--recipe", "dice")["record"]
    assert desk.trash("plan", "Dice, again", "--recipe", "dice", author="Bo") == 0
    told = desk.capsys.readouterr().err
    assert f"runs of recipes/dice.toml counted so far for {first} of Ann Lee: Dice" in told
    assert desk.trash("plan", "DICE", author="Bo") == 0
    assert f"Ann Lee has a card of that title: {first}" in desk.capsys.readouterr().err


def test_a_planned_card_says_what_its_recipe_will_change(desk: Any) -> None:
    desk.recipe("base")
    child = desk.root / "recipes" / "child.toml"
    child.write_text('extends = "base.toml"\ntitle = "x"\n[train]\nepochs = 7\n')
    card = desk.json("plan", "longer", "--recipe", "child")["record"]
    assert desk.card(card)["changes"] == ["train.epochs=7"]
    desk.team.plan("Bo", "no name for a file", 1, "x" * 300)
    child.write_text("[[broken")
    assert desk.card(card)["changes"] == []


def test_titles_of_any_script(desk: Any) -> None:
    for title in ("작은 물체", "<script>alert(1)</script>", "שלום 3", "🗑🗑", "../../etc/passwd"):
        found = desk.json("plan", title)
        assert found["title"] == title
        assert len(list((desk.root / "records").iterdir())) == 1
        assert desk.card(found["record"])["title"] == title


def test_options_before_the_command_are_not_passed_over(desk: Any) -> None:
    error = desk.refused("--json", "plan", "idea")
    assert "options of plan stand behind its name" in error
