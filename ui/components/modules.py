"""Components whose JavaScript is a folder of ES modules, served once by `live.assets`."""

from __future__ import annotations

import json
from pathlib import Path

from live.assets import publish_folder

_BOOTSTRAP = (Path(__file__).parent / "bootstrap.js").read_text("utf-8")


def module_component(folder: Path, entry: str) -> tuple[str, str]:
    """Serve the .js and .css files in `folder`.

    Returns their URL, which the component wants as "assets" among its data, and the text for its
    `js=`, which loads them and calls the function `mount` that `entry` exports. The component's
    `data=` is a list of one dict: a bare dict is searched for data frames, and Streamlit imports
    pandas for that, half a second in which the first visitor waits.
    """
    files = [path.name for path in sorted(folder.iterdir()) if path.suffix in (".js", ".css")]
    constants = f"const ENTRY = {json.dumps(entry)};\nconst FILES = {json.dumps(files)};\n"
    return publish_folder(folder), constants + _BOOTSTRAP


def publish_all() -> None:
    """Serve those of all components, before any page has shown one: another server's may ask."""
    for folder in sorted(Path(__file__).parent.glob("*/assets")):
        publish_folder(folder)
