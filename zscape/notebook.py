"""`zscape.LatentPlane`: the notebook widget, which the app's components make."""

from __future__ import annotations

from importlib.util import find_spec

from vae_core.errors import ConfigError
from zscape.places import reach_app

if find_spec("anywidget") is None:
    raise ConfigError(
        'LatentPlane is made with anywidget, not installed here: pip install "zscape[notebook]"'
    )

reach_app()

from ui.outside.notebook import LatentPlane  # noqa: E402 — the app is out of reach before

__all__ = ["LatentPlane"]
