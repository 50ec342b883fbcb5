"""Right or wrong is said with the reason."""

from __future__ import annotations

import pytest

from ui.lessons.tasks import Choose, Number, Option, Place, Reach, Trained

ONE = Choose("?", (Option("a", True, "yes: a"), Option("b", False, "no: b")))
TWO = Choose("?", (*ONE.options, Option("c", True, "yes: c")))
PLACE = Place("?", "mnist-2d", "4", "left", 0.6, "so it is")


def test_the_reason_is_that_of_what_was_chosen() -> None:
    assert (ONE.judge([0]).right, ONE.judge([0]).why) == (True, "yes: a")
    assert (ONE.judge([1]).right, ONE.judge([1]).why) == (False, "no: b")
    assert not ONE.several


def test_all_right_ones_are_to_be_chosen_where_several_are() -> None:
    assert TWO.several
    assert TWO.judge([0, 2]).right
    assert not TWO.judge([0]).right
    assert "1 more" in TWO.judge([0]).why
    assert TWO.judge([0, 1, 2]).why == "no: b"


@pytest.mark.parametrize(
    ("given", "right", "words"),
    [(3.14, True, "reason"), (3.19, True, "reason"), (3.2, False, "too large"), (-3, False, "−3")],
)
def test_a_number_is_right_within_its_tolerance(given: float, right: bool, words: str) -> None:
    verdict = Number("?", 3.14, 0.05, "nats", "reason", "Think of π.").judge(given)
    assert verdict.right is right
    assert words in verdict.why
    assert right or "Think of π." in verdict.why


@pytest.mark.parametrize(
    ("told", "slant", "right", "words"),
    [
        ({"4": 0.7, "9": 0.3}, -0.3, True, "so it is"),
        ({"4": 0.22, "9": 0.71}, -0.3, False, r"9\*\* \(0.71\), as a \*\*4\*\* only by 0.22"),
        ({"4": 0.55, "9": 0.45}, -0.3, False, "0.6 is asked"),
        ({"4": 0.7, "9": 0.3}, 0.3, False, "leans to the right"),
        ({"4": 0.7, "9": 0.3}, 0.0, False, "stands upright"),
        ({"8": 1.0}, 0.0, False, r"an \*\*8\*\*"),
        ({}, 0.0, False, "nothing"),
    ],
)  # fmt: skip
def test_a_place_is_told_for_what_it_is(
    told: dict[str, float], slant: float, right: bool, words: str
) -> None:
    import re

    verdict = PLACE.judge(told, slant)
    assert verdict.right is right
    assert re.search(words, verdict.why)


def test_a_figure_is_reached_by_the_best_of_ones_own_trainings() -> None:
    task = Reach("?", "digits", "elbo", -20.0, None, 2, "so it is")
    runs = [
        Trained("digits", 2, {"elbo": -25.5}),
        Trained("digits", 2, {"elbo": -21.0}),
        Trained("digits", 8, {"elbo": -1.0}),
        Trained("mnist", 2, {"elbo": -1.0}),
        Trained("digits", 2, {"loss": 1.0}),
    ]
    assert "no training of digits with 2 latent dimensions" in task.judge([]).why
    assert "Your best so far is ELBO −21.0 nats; at least −20 is asked" in task.judge(runs).why
    assert task.judge([*runs, Trained("digits", 2, {"elbo": -20.0})]).right
    most = Reach("?", "digits", "loss", None, 2.0, None, "so it is")
    assert most.judge(runs).right
