"""Rows of what is stored beside a model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from live.models import OpenModel, model_path, open_model, read_model
from ui.view.stored import HASHES, stored_latents
from ui.view.stored import test_rows as rows_of


@pytest.mark.parametrize("stored", [True, False])
def test_rows_are_of_the_latents_or_else_of_the_test_set(stored: bool) -> None:
    opened = open_model("digits-2d")
    assert opened.latents is not None and opened.latents.labels is not None
    labels = opened.latents.labels.tolist()  # its latents are those of the whole test set
    opened = opened if stored else replace(opened, latents=None)
    every = range(len(labels))
    assert rows_of(opened).tolist() == list(every)
    assert rows_of(opened, "3").tolist() == [i for i in every if labels[i] == 3]
    assert rows_of(opened, "3", but=True).tolist() == [i for i in every if labels[i] != 3]
    assert rows_of(opened, "no such class").tolist() == list(every)


def test_a_model_opened_anew_is_told_from_all_before_also_once_they_are_gone() -> None:
    told = set()
    for _ in range(50):
        opened = read_model("digits-2d", model_path("digits-2d"))
        told.add((HASHES[OpenModel](opened), stored_latents(replace(opened, latents=None))))
        del opened
    assert len({of_all for of_all, _ in told}) == len({stored for _, stored in told}) == 50
    opened = read_model("digits-2d", model_path("digits-2d"))
    assert HASHES[OpenModel](opened) == HASHES[OpenModel](replace(opened, metrics=None))
    assert HASHES[OpenModel](opened) != HASHES[OpenModel](opened.with_own_images)


def test_a_name_of_two_classes_is_of_the_images_of_both() -> None:
    opened = open_model("digits-2d")
    names = [*"01234567", "crane", "crane"]  # a bird and a machine
    opened = replace(opened, config=opened.config | {"class_names": names})
    assert opened.latents is not None and opened.latents.labels is not None
    cranes = [i for i, label in enumerate(opened.latents.labels.tolist()) if label >= 8]
    assert rows_of(opened, "crane").tolist() == cranes
    others = set(range(len(opened.latents))) - set(cranes)
    assert rows_of(opened, "crane", but=True).tolist() == sorted(others)
