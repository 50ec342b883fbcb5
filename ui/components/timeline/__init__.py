"""The timeline: a slider and a player over the frames of a `Film`, by which all of them turn.

    frame = timeline("run-7f3a", [0, 3, 6, 9], of=30, key="timeline", testid="epoch-scrubber")

Turning happens in the browser; Python hears of the frame on which the film comes to rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from ui.components.modules import module_component

__all__ = ["timeline"]

_FOLDER = Path(__file__).parent
_ASSETS, _SCRIPT = module_component(_FOLDER / "assets", "timeline.js")
_COMPONENT = st.components.v2.component(
    "zscape.timeline",
    html='<div class="root"></div>',
    css=(_FOLDER / "timeline.css").read_text("utf-8"),
    js=_SCRIPT,
)
# It stays in sight while the page scrolls on below it.
_PLACE = "timeline"
_STAY = f"""<style>
[data-testid="stLayoutWrapper"]:has(> .st-key-{_PLACE}) {{
  position: sticky; top: 3.5rem; z-index: 9;
}}
</style>"""


def timeline(
    film: str,
    epochs: Sequence[int],
    *,
    of: int,
    key: str,
    testid: str,
    present: str = "",
    first: int | None = None,
) -> int | None:
    """Show the timeline; returns the frame on which it rests, None for the components' own data.

    film: the name under which components were given their frames. epochs: of each frame, rising;
    of: epochs of the whole training. present: what the components' own data are, such as "now",
    where they stand behind the last frame; empty where the last frame is the end. first: the frame
    that is shown at first, None for what stands last.
    """
    st.html(_STAY)
    with st.container(key=_PLACE):
        state: Any = _COMPONENT(
            key=key,
            data=[
                {
                    "assets": _ASSETS,
                    "name": film,
                    "epochs": list(epochs),
                    "of": of,
                    "present": present,
                    "first": first,
                    "testid": testid,
                }
            ],
            on_frame_change=lambda: None,
        )
    told = state.get("frame")  # -1 where the visitor came back to the components' own data
    frame = first if told is None else int(told)
    return frame if frame is not None and 0 <= frame < len(epochs) else None
