"""What the app knows that a task asks about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import streamlit as st
import torch

from live.models import open_model
from ui.lessons.answers import slant_at, told_at, trained
from ui.lessons.opened import answered_rightly, current_lesson, said_of, say
from ui.lessons.tasks import Verdict
from vae_core.errors import DataError
from vae_core.measures.codes.class_at import class_probabilities
from vae_core.measures.slant import slant
from vae_core.runs.run import Run


def test_the_class_at_a_code_is_mostly_that_of_its_image() -> None:
    opened = open_model("mnist-2d")
    assert opened.latents is not None and opened.latents.labels is not None
    rows = range(0, 400, 4)
    right = 0
    for row in rows:
        told = told_at(opened, opened.latents.mu[row].tolist())
        assert sum(told.values()) == pytest.approx(1)
        right += max(told, key=lambda name: told[name]) == str(int(opened.latents.labels[row]))
    assert right / len(rows) > 0.75
    with pytest.raises(DataError, match="no stored codes"):
        told_at(replace(opened, latents=None), (0.0, 0.0))


def test_each_model_has_its_own_classes_at_a_code() -> None:
    z = (1.0, -1.0)
    for name in ("digits-2d", "mnist-2d", "digits-2d"):
        opened = open_model(name)
        assert opened.latents is not None
        expected = class_probabilities(opened.latents, 10)(torch.tensor([z]))[0]
        assert list(told_at(opened, z).values()) == pytest.approx(expected.tolist())


def test_the_slant_is_that_of_the_decoded_image() -> None:
    opened = open_model("mnist-2d")
    z = (0.5, -0.5)
    assert slant_at(opened, z) == pytest.approx(slant(opened.model.decode(torch.tensor([z]))[0]))


def test_trainings_count_by_their_last_epoch(ended_run: Callable[..., Run]) -> None:
    run = ended_run()
    test = run.events()[-1]["test"]
    (found,) = trained([run.token, "no-such-run"])
    assert (found.dataset, found.latent_dim) == ("digits", 2)
    assert found.figures["loss"] == pytest.approx(test["loss"])
    assert found.figures["elbo"] == pytest.approx(test["reconstruction"] - test["kl"])


def test_what_was_said_is_said_of_that_answer_alone(session: dict[str, Any]) -> None:
    assert current_lesson() is None
    session |= {"lesson": "tour", "step": 2}
    assert current_lesson() == ("tour", 2)
    say("tour", 2, [0], "A", Verdict(False, "no"))
    assert st.session_state["answered"] == ("tour", 2, "A")
    assert said_of("tour", 2, [0]) == Verdict(False, "no")
    assert said_of("tour", 2, [1]) is None
    assert answered_rightly("tour") == []
    say("tour", 2, [1], "B", Verdict(True, "yes"))
    assert answered_rightly("tour") == [2]
    assert answered_rightly("other") == []
