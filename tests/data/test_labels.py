from __future__ import annotations

import pytest

from toolkit.data.coco import Category
from toolkit.data.labels import make_label_map
from toolkit.errors import UsageError

PAPER, METAL, GLASS = Category(7, "paper"), Category(3, "metal"), Category(40, "glass")


def test_labels_follow_the_category_ids() -> None:
    labels = make_label_map([PAPER, METAL, GLASS], None, "nothing")
    assert labels.class_names == ("nothing", "metal", "paper", "glass")
    assert labels.label_of == {3: 1, 7: 2, 40: 3}


def test_the_recipe_may_give_the_order() -> None:
    labels = make_label_map([PAPER, METAL, GLASS], ["glass", "paper", "metal"], "Background")
    assert labels.class_names == ("Background", "glass", "paper", "metal")
    assert labels.label_of == {40: 1, 7: 2, 3: 3}


def test_category_id_zero_is_not_the_background() -> None:
    assert make_label_map([Category(0, "UNKNOWN")], None, "Background").label_of == {0: 1}


def test_wrong_names_get_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        make_label_map([PAPER, METAL, GLASS], ["papper", "metal", "glass"], "Background")
    assert "no category is called papper" in caught.value.message
    assert "data.classes does not name paper" in caught.value.message
    assert caught.value.hint == "papper: Did you mean paper?"


@pytest.mark.parametrize(
    ("categories", "classes", "said"),
    [
        ([PAPER, Category(8, "paper")], None, "share the name paper"),
        ([PAPER, Category(7, "metal")], None, "share the id 7"),
        ([Category(0, "Background")], None, "has the name of label 0"),
        ([PAPER, METAL], ["paper"], "does not name metal"),
        ([PAPER, METAL], ["paper", "metal", "paper"], "data.classes repeats paper"),
        ([Category(i, f"class {i}") for i in range(255)], None, "at most 254"),
    ],
)
def test_ambiguous_classes_are_refused(
    categories: list[Category], classes: list[str] | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        make_label_map(categories, classes, "Background")
