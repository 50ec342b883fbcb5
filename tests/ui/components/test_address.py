"""A widget begins as the link says, and stays within its range."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ui.components.address import choice_from_link, number_from_link


def test_a_number_of_another_page_comes_into_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {"side": 3, "linked": {}})
    assert number_from_link("side", 5, 40, 20) == 5 == st.session_state["side"]


@pytest.mark.parametrize("before", ["20", None, True, (1, 2)])
def test_what_another_page_has_under_the_name_of_a_number_is_none(
    monkeypatch: pytest.MonkeyPatch, before: object
) -> None:
    monkeypatch.setattr(st, "session_state", {"beta": before, "linked": {}})
    assert number_from_link("beta", 0.0, 100.0, 1.0) == 1.0 == st.session_state["beta"]


def test_what_nobody_chose_follows_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {"linked": {}})
    options = ["KL", "class"]
    assert choice_from_link("colour", options, "KL") == "KL"
    assert choice_from_link("colour", options, "class") == "class"
    st.session_state["colour"] = "KL"
    assert choice_from_link("colour", options, "class") == "KL"
    monkeypatch.setattr(st, "session_state", {"linked": {"colour": "kl"}})
    for default in ("class", "class"):
        assert choice_from_link("colour", options, default) == "KL"


def led_back() -> None:
    """The way back leads to an address with names that Streamlit keeps for itself."""
    import streamlit as st

    from ui.components.address import begin_from, linked

    st.session_state["seed"] = 3
    begin_from({"seed": "7", "$$ID-x": "1", "$$WIDGET_ID-x": "1", "FormSubmitter:x-y": "1"})
    assert "seed" not in st.session_state
    assert linked("seed") == "7"


def test_an_address_may_hold_any_names() -> None:
    app = AppTest.from_function(led_back, default_timeout=60).run()
    assert not app.exception
