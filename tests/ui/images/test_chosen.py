"""The image that a page is about."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest


@pytest.mark.parametrize("chosen", ["3", "any class"])
def test_lots_are_drawn_of_a_model_without_classes_after_one_with_them(chosen: str) -> None:
    def page() -> None:
        from live.models import open_model
        from ui.images.chosen import choose_image

        choose_image(open_model("frey-2d"))

    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["image_class"] = chosen  # of the model that was in view before
    app.run().button[0].click().run()
    assert not app.exception
    assert 0 <= app.number_input[0].value == app.session_state["image"]
