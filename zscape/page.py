"""`zscape export NAME --html FILE`: the page, which the app's components make."""

from __future__ import annotations

from pathlib import Path

from zscape.places import reach_app


def make_page(checkpoint: Path, encoder: bool, thumbnails: int | None) -> bytes:
    """The page of the model in a checkpoint's folder, see `html_page`.

    CheckpointError where there is no such model, ConfigError where it makes no page.
    """
    reach_app()
    from live.models import read_model  # with torch
    from ui.frame.card import card_of
    from ui.outside.page import html_page

    opened = read_model(checkpoint.absolute().name, checkpoint)
    return html_page(opened, card_of(opened), encoder=encoder, thumbnails=thumbnails)
