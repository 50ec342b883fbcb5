"""What a model has learned, in one look."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from live.models import open_model
from ui.training.learned import look_of, shown_dims


@pytest.mark.parametrize(
    ("name", "measure"),
    [("sprites-6d", "of largest KL."), ("mnist-denoising", "of largest variance of μ.")],
)
def test_the_caption_says_by_what_two_dimensions_were_chosen(name: str, measure: str) -> None:
    def page(name: str) -> None:
        from live.models import open_model
        from ui.training.learned import show_learned

        show_learned(open_model(name), "x")

    app = AppTest.from_function(page, args=(name,), default_timeout=60).run()
    assert not app.exception
    assert measure in app.caption[0].value


def test_a_model_of_three_test_images_is_shown_with_three() -> None:
    opened = open_model("digits-2d")
    assert opened.latents is not None
    few = replace(opened, latents=opened.latents.take([0, 1, 2]))
    look = look_of(few, shown_dims(few))
    assert look.reconstructions is not None and look.reconstructions.shape[1] == 3
