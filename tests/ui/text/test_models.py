"""What each pretrained model is for."""

from __future__ import annotations

from pathlib import Path

from ui.text.models import grouped, purpose

ROOT = Path(__file__).parents[3] / "checkpoints"
SHIPPED = sorted(path.parent.name for path in ROOT.glob("*/config.json"))


def test_each_shipped_model_stands_in_a_group_with_a_line_and_no_other_does() -> None:
    groups = grouped(SHIPPED)
    assert "Others" not in groups
    assert sorted(name for names in groups.values() for name in names) == SHIPPED
    assert all(map(purpose, SHIPPED))


def test_the_first_model_is_the_one_to_begin_with() -> None:
    assert next(iter(grouped(SHIPPED).values()))[0] == "mnist-2d"
    assert "begin here" in purpose("mnist-2d")


def test_models_of_others_come_first_in_the_order_given() -> None:
    found = grouped(["digits-2d", "zebra", "apes"])
    assert next(iter(found.items())) == ("Others", ["zebra", "apes"])
    assert purpose("zebra") == ""
