"""Reading own images has an end, and leaves its turn to others."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ui.images import reading


def test_images_that_take_too_long_are_refused_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def page() -> None:
        import io

        import numpy as np
        import streamlit as st
        from PIL import Image

        from ui.images.reading import reading
        from ui.text.plain import show_error
        from vae_core.data.own.images import preview_images
        from vae_core.errors import DataError

        frames = [Image.fromarray(np.full((4, 4), k, np.uint8)) for k in range(200)]
        film = io.BytesIO()
        frames[0].save(film, "TIFF", save_all=True, append_images=frames[1:])
        try:
            with reading("Looking at the images…") as tell:
                preview_images(film, on_progress=tell)
        except DataError as error:
            show_error(error)
        st.caption("The rest of the page")

    app = AppTest.from_function(page, default_timeout=120)
    assert not app.run().error
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    app.run()
    assert "take more than 0 seconds" in app.error[0].value
    assert not app.exception and app.caption[-1].value == "The rest of the page"
    monkeypatch.setattr(reading, "SECONDS", 60.0)
    assert not app.run().error  # the turn is free again
