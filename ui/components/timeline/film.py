"""A film: frames that several components show in step.

The browser alone turns from frame to frame, without a Streamlit rerun: `timeline` says which one is
in view, and each component that was given frames under the same name shows its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from live.blobs import publish


@dataclass(frozen=True)
class Film:
    """name: of the film. frames: each says what takes the place of the component's own data."""

    name: str
    frames: Sequence[Mapping[str, Any]]

    def payload(self) -> dict[str, str]:
        """Publish the frames: the browser fetches them when one of them is first turned to."""
        frames = json.dumps(list(self.frames)).encode()
        return {"name": self.name, "url": publish(frames, "application/json")}
