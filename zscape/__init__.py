"""The front door: the command `zscape`, which serves the app and runs the library's commands.

`zscape.explore(model, images=…)` shows a model of this process on the pages, `zscape.LatentPlane(
model, data)` is the plane in a notebook. Importing zscape loads neither PyTorch nor Streamlit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zscape.exploring import explore
    from zscape.notebook import LatentPlane

__version__: str

__all__ = ["LatentPlane", "__version__", "explore"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        import vae_core

        return str(vae_core.__version__)
    if name == "LatentPlane":
        from zscape.notebook import LatentPlane

        return LatentPlane
    if name == "explore":
        from zscape.exploring import explore

        return explore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
