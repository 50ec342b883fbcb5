"""The model in view, and what is said where it is gone."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def page() -> None:
    from ui.frame.sidebar import show_sidebar

    show_sidebar("decode")


def test_a_model_deleted_elsewhere_is_said_and_another_offered() -> None:
    app = AppTest.from_function(page, default_timeout=120)
    app.session_state["visitor"] = "ann"
    app.session_state["hide"] = ["models"]  # a choice that AppTest cannot hold at what is gone
    app.run()
    assert not app.exception and not app.warning
    app.session_state["model"] = "run:digits-gone"
    app.run()
    (said,) = [warning.value for warning in app.warning]
    assert "was deleted" in said and app.session_state["model"] in said
    assert not app.run().warning
