"""Filters and the search on Encoded μ: which rows they keep, and how a link says it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from live.models import OpenModel
from ui.components.latent_plane.means import points_of_means
from ui.components.latent_plane.points import Plane
from ui.encoded.filters import found_by
from ui.encoded.images import Shown
from vae_core.data.texts import packed_texts
from vae_core.latent.latents import Latents
from vae_core.models.config import ModelConfig
from vae_core.models.kinds import build_model


def shown() -> Shown:
    """Six images of ages 20 to 70 by tens, one age and one sex not known; the last two learned."""
    factors = torch.tensor([[20, 0], [30, 1], [torch.nan, 0], [50, 1], [60, torch.nan], [70, 1.0]])
    latents = Latents(
        torch.randn(6, 2), torch.zeros(6, 2), torch.arange(6), torch.zeros(6), torch.arange(6) % 2,
        factors, sources=packed_texts([f"cats/Ö {k}.png" for k in range(6)]),
    )  # fmt: skip
    config = {
        "class_names": ["cat", "dog"],
        "factor_names": ["age", "sex"],
        "factor_values": [[], ["f", "m"]],
    }
    model = build_model(ModelConfig(latent_dim=2, image_shape=(1, 4, 4), hidden=(4,)))
    opened = OpenModel("mine", Path(), model, config, None, latents)
    return Shown(opened, "both", latents, np.arange(6), np.arange(6) >= 4)


def page(made) -> None:  # type: ignore[no-untyped-def]
    import streamlit as st

    from ui.encoded.filters import choose_filters

    kept, said = choose_filters(made)
    st.session_state["kept"] = kept.nonzero()[0].tolist()
    st.session_state["said"] = said


@pytest.mark.parametrize(
    ("link", "rows"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ('{"age":[25,60]}', [1, 3, 4]),
        ('{"age":[25,60,"not known"]}', [1, 2, 3, 4]),
        ('{"age":[20,70]}', [0, 1, 3, 4, 5]),
        ('{"sex":["m","not known"]}', [1, 3, 4, 5]),
        ('{"age":[25,60],"sex":["m"]}', [1, 3]),
        ('{"class":["dog"],"images":["test"]}', [1, 3]),
        ('{"age":null,"sex":["m"]}', [1, 3, 5]),
        ('{"sex":[]}', []),
    ],
)
def test_a_link_filters_and_says_itself(link: str, rows: list[int]) -> None:
    app = AppTest.from_function(page, args=(shown(),), default_timeout=60)
    app.session_state["linked"] = {"filter": link}
    app.run()
    assert not app.exception
    assert app.session_state["kept"] == rows
    said = app.session_state["said"]
    assert (json.loads(said) if said else "") == (json.loads(link) if link else "")


def test_a_range_hides_no_image_without_a_value_until_that_is_asked_for() -> None:
    app = AppTest.from_function(page, args=(shown(),), default_timeout=60).run()
    app.multiselect[0].select("age").run()
    assert (
        app.session_state["kept"] == list(range(6)) and app.session_state["said"] == '{"age":null}'
    )
    app.slider[0].set_range(40, 60).run()
    assert app.session_state["kept"] == [2, 3, 4]
    assert app.checkbox[0].label == "Also the 1 without a value"
    app.checkbox[0].uncheck().run()
    assert app.session_state["kept"] == [3, 4]
    assert json.loads(app.session_state["said"]) == {"age": [40, 60]}


def test_filters_too_long_for_a_link_are_kept_for_their_visitor_alone() -> None:
    names = [f"{k}, {'x' * 40}" for k in range(100)]
    made = shown()
    made.opened.config["factor_values"] = [[], names]

    def begun(visitor: str, link: str) -> AppTest:
        app = AppTest.from_function(page, args=(made,), default_timeout=60)
        app.session_state["visitor"] = visitor
        app.session_state["linked"] = {"filter": link}
        return app.run()

    app = begun("a", "")
    app.multiselect[0].select("sex").run()
    app.multiselect[1].unselect(names[1]).run()
    kept, said = app.session_state["kept"], app.session_state["said"]
    assert kept == [0, 2, 4] and len(said) < 40
    again = begun("a", said)
    assert (again.session_state["kept"], again.session_state["said"]) == (kept, said)
    other = begun("b", said)
    assert other.session_state["kept"] == list(range(6)) and other.session_state["refused"]


@pytest.mark.parametrize(
    "link",
    [
        *("{", "[]", '{"who":["m"]}', '{"age":[1,{}]}', '{"age":[NaN,2]}', "[" * 1990, "kept 0"),
        f'{{"age":[0,1{"0" * 400}]}}',
    ],
)
def test_a_link_that_is_no_filter_is_told_and_shows_all(link: str) -> None:
    app = AppTest.from_function(page, args=(shown(),), default_timeout=60)
    app.session_state["linked"] = {"filter": link}
    app.run()
    assert not app.exception
    assert app.session_state["kept"] == list(range(6)) and app.session_state["refused"]


@pytest.mark.parametrize(
    ("text", "rows"),
    [("ö 3", [3]), (" DOG ", [1, 3, 5]), ("m", [1, 3, 5]), ("training", [4, 5]), ("", [])],
)
def test_a_search_finds_files_classes_and_categories(text: str, rows: list[int]) -> None:
    found = found_by(shown(), text)
    assert set(rows) <= set(found.tolist()) and (text == "m" or found.tolist() == rows)


def test_what_is_not_known_is_a_colour_of_its_own() -> None:
    made = shown().opened
    by_sex = points_of_means(made, Plane.of_dims(2), "sex")
    by_age = points_of_means(made, Plane.of_dims(2), "age")
    assert by_sex is not None and by_age is not None
    assert by_sex.names == ("f", "m", "not known")
    assert by_sex.category is not None and by_sex.category.tolist() == [0, 1, 0, 1, 2, 1]
    low, high = by_age.layout["value"]["range"]
    assert 20 <= low < high <= 70 and by_age.layout["sources"] == len("cats/Ö 0.png".encode())
