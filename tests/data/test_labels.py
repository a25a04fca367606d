from __future__ import annotations

import pytest

from toolkit.data.labels import make_label_map, unused_groups
from toolkit.errors import UsageError
from toolkit.plugin.reader import Category

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


@pytest.mark.parametrize("name", ["background", "BackGround", "_background_", "<bg>", "BG"])
def test_a_second_background_is_refused_with_a_way_out(name: str) -> None:
    categories = [Category(0, name), PAPER, METAL]
    with pytest.raises(UsageError) as caught:
        make_label_map(categories, None, "Background", used={7, 3})
    assert f"category '{name}' would be label 1" in caught.value.message
    assert "shift 2 classes" in caught.value.message
    assert caught.value.hint == (
        'It has no annotations: leave it out with data.classes = ["metal", "paper"].'
    )
    labels = make_label_map(categories, ["metal", "paper"], "Background", used={7, 3})
    assert labels.class_names == ("Background", "metal", "paper")
    assert labels.label_of == {3: 1, 7: 2}
    assert labels.left_out == (name,)


def test_the_way_out_of_a_second_background_keeps_the_order_of_labels() -> None:
    categories = [Category(1, "paper"), Category(2, "bg "), Category(3, "glass")]
    with pytest.raises(UsageError) as caught:
        make_label_map(categories, None, "Background", used={1, 2, 3})
    assert 'data.classes = ["paper", "bg ", "glass"]' in caught.value.hint


def test_a_second_background_with_annotations_may_be_a_class() -> None:
    categories = [Category(0, "background"), PAPER]
    with pytest.raises(UsageError) as caught:
        make_label_map(categories, None, "Nothing", used={0, 7})
    assert 'data.classes = ["background", "paper"]' in caught.value.hint
    with pytest.raises(UsageError, match="does not name background"):
        make_label_map(categories, ["paper"], "Nothing", used={0, 7})
    labels = make_label_map(categories, ["background", "paper"], "Nothing", used={0, 7})
    assert labels.label_of == {0: 1, 7: 2}


def test_label_0_may_be_listed_without_annotations() -> None:
    categories = [Category(0, "Background"), PAPER, METAL]
    with pytest.raises(UsageError, match="has the name of label 0") as caught:
        make_label_map(categories, None, "Background", used={7, 3})
    assert 'data.classes = ["metal", "paper"]' in caught.value.hint
    labels = make_label_map(categories, ["metal", "paper"], "Background", used={7})
    assert labels.class_names == ("Background", "metal", "paper")


def test_only_categories_without_annotations_are_left_out() -> None:
    with pytest.raises(UsageError, match="does not name metal"):
        make_label_map([PAPER, METAL, GLASS], ["paper"], "Background", used={3})
    labels = make_label_map([PAPER, METAL, GLASS], ["metal"], "Background", used={3})
    assert labels.left_out == ("paper", "glass")


def test_groups_are_categories_that_only_others_belong_to() -> None:
    """As one exporter writes them: the project as category 0, all classes below it."""
    group = Category(0, "trash", "none")
    classes = [Category(1, "paper", "trash"), Category(2, "metal", "trash")]
    assert unused_groups([group, *classes], {1}) == [group]
    assert unused_groups([group, *classes], {0, 1}) == []
    # As in TACO, where a class may have the name of its group.
    assert unused_groups([Category(3, "Bottle", "Bottle")], set()) == []
